import { Worker } from 'node:worker_threads'
import type { TaskKind, TaskMessage, TaskReply, Tasks } from './worker-protocol.ts'

/** Worker threads that take one task at a time each. */
export interface WorkerPool {
  /** Runs a task; `signal` stops it early (what it then answers is incomplete), `urgent` puts it before waiting ones. Rejects when the pool closes. */
  run<K extends TaskKind>(kind: K, input: Tasks[K]['input'], options?: TaskOptions<K>): Promise<Tasks[K]['output']>
  /** Starts every thread now, so that the first task finds them ready. */
  warm(): void
  close(): Promise<void>
}
export interface TaskOptions<K extends TaskKind> {
  readonly signal?: AbortSignal
  readonly urgent?: boolean
  readonly onPart?: (part: Tasks[K]['part']) => void
}

interface Waiting {
  readonly message: TaskMessage
  readonly onPart: (part: unknown) => void
  readonly resolve: (output: unknown) => void
  readonly reject: (error: Error) => void
}

interface Member {
  readonly worker: Worker
  busy: Waiting | null
}

/** At most `size` threads running `file`; they are started when they are needed and keep the process alive only while they work. */
export function createWorkerPool(file: string, size: number): WorkerPool {
  const members: Member[] = []
  const waiting: Waiting[] = []
  let tasks = 0
  let closed = false

  function pump(): void {
    while (waiting.length > 0) {
      const member = members.find((candidate) => candidate.busy === null) ?? (members.length < size ? addMember() : undefined)
      if (!member) return
      const next = waiting.shift()!
      member.busy = next
      member.worker.ref()
      member.worker.postMessage(next.message)
    }
  }

  function addMember(): Member {
    const worker = new Worker(file)
    const member: Member = { worker, busy: null }
    members.push(member)
    worker.on('message', (reply: TaskReply) => {
      const current = member.busy
      if (!current) return
      if ('part' in reply) return current.onPart(reply.part)
      member.busy = null
      worker.unref()
      if ('error' in reply) current.reject(new Error(reply.error))
      else current.resolve(reply.output)
      pump()
    })
    // A thread that died is replaced when the next task comes.
    const lost = (reason: string) => {
      const place = members.indexOf(member)
      if (place >= 0) members.splice(place, 1)
      member.busy?.reject(new Error(reason))
      member.busy = null
      if (!closed) pump()
    }
    worker.on('error', (error) => lost(`a reading thread failed: ${String(error)}`))
    worker.on('exit', (code) => lost(`a reading thread ended with code ${code}`))
    return member
  }

  return {
    run<K extends TaskKind>(kind: K, input: Tasks[K]['input'], { signal, urgent = false, onPart = () => undefined }: TaskOptions<K> = {}) {
      if (closed) return Promise.reject(new Error('the reading threads are closed'))
      const stop = new SharedArrayBuffer(1)
      const flag = new Uint8Array(stop)
      const raise = () => void Atomics.store(flag, 0, 1)
      if (signal?.aborted) raise()
      signal?.addEventListener('abort', raise, { once: true })
      const done = new Promise<Tasks[K]['output']>((resolve, reject) => {
        const entry: Waiting = {
          message: { task: (tasks += 1), kind, input, stop },
          onPart: onPart as (part: unknown) => void,
          resolve: resolve as (output: unknown) => void,
          reject,
        }
        if (urgent) waiting.unshift(entry)
        else waiting.push(entry)
        pump()
      })
      return done.finally(() => signal?.removeEventListener('abort', raise))
    },
    warm() {
      while (!closed && members.length < size) addMember().worker.unref()
    },
    async close() {
      closed = true
      for (const entry of waiting.splice(0)) entry.reject(new Error('the reading threads are closed'))
      await Promise.all(members.map((member) => member.worker.terminate()))
    },
  }
}
