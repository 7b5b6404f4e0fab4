import * as v from 'valibot'
import {
  events,
  requests,
  type EventName,
  type EventPayload,
  type RequestInput,
  type RequestName,
  type RequestOutput,
  type Wire,
} from '../src-main/contract/bridge.ts'
import { errorProblem, type Problem } from '../src-main/contract/problems.ts'

/** What a request answers with: its value, or the problems for which it was refused. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] }

/** The renderer's only way out of the window: typed requests and events over a wire. Used by state/ only. */
export interface Bridge {
  readonly host: Wire['host']
  readonly drop: Wire['drop']
  /** Sends a request. Refusals and a lost connection come back as problems; a reply that breaks the contract is thrown. */
  call<K extends RequestName>(name: K, input: RequestInput<K>): Promise<Answer<RequestOutput<K>>>
  /** Subscribes to one event; returns the way to unsubscribe. */
  on<K extends EventName>(name: K, listener: (payload: EventPayload<K>) => void): () => void
}

/** A bridge over the preload script's wire or the web socket's. Values are checked against the contract where they come in. */
export function createBridge(wire: Wire): Bridge {
  return {
    host: wire.host,
    drop: wire.drop,
    async call(name, input) {
      const reply = await wire.call(name, input).catch((error: unknown) => ({ ok: false as const, problems: [lost(error)] }))
      if (!reply.ok) return reply
      const checked = v.safeParse(requests[name].output, reply.value)
      if (!checked.success)
        throw new Error(`The answer to ${name} breaks the contract: ${v.flatten(checked.issues).root ?? issuePaths(checked.issues)}`)
      return { ok: true, value: checked.output as RequestOutput<typeof name> }
    },
    on(name, listener) {
      return wire.onEvent((event, payload) => {
        if (event === name) listener(v.parse(events[name], payload) as EventPayload<typeof name>)
      })
    },
  }
}

function lost(error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error)
  return errorProblem('internal', `The connection to Amalgam was lost before it answered (${reason}).`, {
    hint: 'It is opened again by itself; then repeat what you did.',
  })
}

function issuePaths(issues: readonly v.BaseIssue<unknown>[]): string {
  return issues.map((issue) => `${v.getDotPath(issue) ?? 'value'}: ${issue.message}`).join('; ')
}
