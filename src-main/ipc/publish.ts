import * as v from 'valibot'
import { events, type EventName, type EventPayload } from '../contract/bridge.ts'
import type { Log } from '../platform/log.ts'

/** Least time between two events about the same thing, in milliseconds. */
export const eventIntervalMs = 100

export type EventListener = (name: EventName, payload: unknown) => void

/** The one way out for events. */
export interface Publisher {
  /** Tells every listener, at once or, when the same thing was told less than `eventIntervalMs` ago, as soon as that time is over. */
  emit<K extends EventName>(name: K, payload: EventPayload<K>): void
  onEvent(listener: EventListener): () => void
  /** Sends what waits and stops. */
  close(): void
}

/** How events about one thing become one: `key` says what they are about, `join` makes one of a waiting and a new one (default: the new one). */
interface Coalescing<K extends EventName> {
  readonly key: (payload: EventPayload<K>) => string
  readonly join?: (waiting: EventPayload<K>, next: EventPayload<K>) => EventPayload<K>
}

const coalescing: { readonly [K in EventName]: Coalescing<K> } = {
  'library.changed': { key: () => '', join: (waiting, next) => ({ ids: [...new Set([...waiting.ids, ...next.ids])] }) },
  'library.toolsChanged': { key: () => '' },
  'bases.changed': { key: () => '' },
  'tasks.changed': { key: () => '' },
  'runs.changed': { key: ({ baseId }) => baseId },
  'adapt.changed': { key: ({ jobId }) => jobId },
  'plans.changed': { key: ({ planId }) => planId },
  'import.progress': { key: (progress) => progress.id },
  'job.changed': { key: (job) => job.id },
  'job.removed': { key: (job) => job.id },
  'settings.changed': { key: () => '' },
}

interface Lane {
  readonly name: EventName
  waiting: unknown
  timer: NodeJS.Timeout
}

/** Makes the publisher. A payload that breaks the contract is logged and not sent. */
export function createPublisher(log: Log): Publisher {
  const listeners = new Set<EventListener>()
  const lanes = new Map<string, Lane>()

  function send(name: EventName, payload: unknown): void {
    const parsed = v.safeParse(events[name], payload)
    if (!parsed.success) {
      log.error('event breaks the contract', { name, issues: v.flatten(parsed.issues) })
      return
    }
    for (const listener of [...listeners]) listener(name, parsed.output)
  }

  function endInterval(key: string, lane: Lane): void {
    if (lane.waiting === undefined) {
      lanes.delete(key)
      return
    }
    const payload = lane.waiting
    lane.waiting = undefined
    lane.timer = setTimeout(endInterval, eventIntervalMs, key, lane)
    send(lane.name, payload)
  }

  function dropWaiting(key: string): void {
    const lane = lanes.get(key)
    if (lane) lane.waiting = undefined
  }

  return {
    emit(name, payload) {
      // A removed job must not come back by an older message about it.
      if (name === 'job.removed') dropWaiting(`job.changed ${(payload as EventPayload<'job.removed'>).id}`)
      const { key: keyOf, join } = coalescing[name]
      const key = `${name} ${keyOf(payload)}`
      const lane = lanes.get(key)
      if (lane) {
        lane.waiting = lane.waiting !== undefined && join ? join(lane.waiting as typeof payload, payload) : payload
        return
      }
      const opened: Lane = { name, waiting: undefined, timer: setTimeout(() => endInterval(key, opened), eventIntervalMs) }
      lanes.set(key, opened)
      send(name, payload)
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      for (const lane of lanes.values()) {
        clearTimeout(lane.timer)
        if (lane.waiting !== undefined) send(lane.name, lane.waiting)
      }
      lanes.clear()
      listeners.clear()
    },
  }
}
