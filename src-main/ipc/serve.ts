import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { requests, type Reply, type RequestName, type RequestOutput, type RequestParsed } from '../contract/bridge.ts'
import { errorProblem, Refusal, shownValue, type Problem } from '../contract/problems.ts'
import { suggest } from '../contract/suggest.ts'
import { failureProblem } from '../jobs/failure-problems.ts'
import type { Log } from '../platform/log.ts'

/** Largest request, as JSON text, in characters; a recipe file of the size the contract allows and a selection of every row fit. */
export const maxRequestLength = 8_000_000

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** What answers each request; a request without a handler does not compile. */
export type Handlers = {
  readonly [K in RequestName]: (input: RequestParsed<K>) => DeepReadonly<RequestOutput<K>> | Promise<DeepReadonly<RequestOutput<K>>>
}

/** The one way in for requests from a window. Never rejects: what cannot be done is answered with problems. */
export type Dispatch = (name: string, input: unknown) => Promise<Reply>

/** Makes the dispatcher over `handlers`: name, size and shape of what comes in are checked, and the shape of what goes out. */
export function createDispatch(handlers: Handlers, log: Log): Dispatch {
  return async (name, input) => {
    if (!isRequestName(name)) return refused([unknownRequest(name)])
    const plain = plainJson(input)
    if ('problem' in plain) return refused([plain.problem])
    const parsed = v.safeParse(requests[name].input, plain.value)
    if (!parsed.success) return refused(parsed.issues.map((issue) => invalidInput(name, issue)))
    try {
      // The handler and the parsed input belong to the same name, which the compiler cannot follow through the table.
      const handler = handlers[name] as (input: unknown) => unknown
      return { ok: true, value: v.parse(requests[name].output, await handler(parsed.output)) }
    } catch (error) {
      return refused(problemsOf(error, name, log))
    }
  }
}

function isRequestName(name: unknown): name is RequestName {
  return typeof name === 'string' && Object.hasOwn(requests, name)
}

function refused(problems: readonly Problem[]): Reply {
  return JSON.parse(JSON.stringify({ ok: false, problems })) as Reply
}

/** The input as it would arrive over a web socket, so that both hosts give handlers the same values. */
function plainJson(input: unknown): { readonly value: unknown } | { readonly problem: Problem } {
  let text: string | undefined
  try {
    text = JSON.stringify(input)
  } catch (error) {
    return {
      problem: errorProblem('request-invalid', `The request is not JSON: ${error instanceof Error ? error.message : 'unknown reason'}.`),
    }
  }
  if (text === undefined) return { problem: errorProblem('request-invalid', 'The request carries no input.') }
  if (text.length <= maxRequestLength) return { value: JSON.parse(text) }
  return {
    problem: errorProblem('request-invalid', `The request is ${text.length} characters long.`, {
      allowed: [`at most ${maxRequestLength} characters`],
    }),
  }
}

function unknownRequest(name: unknown): Problem {
  const near = typeof name === 'string' ? suggest(name, Object.keys(requests)) : undefined
  return errorProblem('unknown-request', `There is no request ${shownValue(name)}.`, {
    where: { value: shownValue(name) },
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  })
}

function invalidInput(name: string, issue: v.BaseIssue<unknown>): Problem {
  const field = v.getDotPath(issue) ?? 'input'
  return errorProblem('request-invalid', `${name}: ${field} is ${shownValue(issue.input)}; ${issue.message}`, {
    where: { field, value: shownValue(issue.input) },
    ...(issue.expected === null ? {} : { allowed: [issue.expected] }),
  })
}

/** Problems for anything a handler threw. What was not expected goes to the log in full; the window gets a reference to it and no more. */
export function problemsOf(error: unknown, place: string, log: Log): readonly Problem[] {
  if (error instanceof Refusal) return error.problems
  const failure = failureProblem(error)
  if (failure) {
    log.error(`${place} failed`, { code: failure.code, error: String(error) })
    return [failure]
  }
  const reference = randomBytes(4).toString('hex')
  log.error(`unexpected error in ${place}`, { reference, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  return [
    errorProblem('internal', `Something unexpected happened in ${place}.`, {
      hint: `The log has the details under reference ${reference}.`,
    }),
  ]
}
