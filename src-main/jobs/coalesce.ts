/** Sends the newest value of each key at most once per interval; `flush` sends at once, instead of what waits. */
export interface Coalescer<T> {
  send(key: string, value: T): void
  flush(key: string, value: T): void
  /** Drops what waits. */
  close(): void
}

/** A coalescer over `emit`: the first value of a quiet key goes at once, later ones at the end of the interval (milliseconds). */
export function coalesce<T>(emit: (value: T) => void, intervalMs: number): Coalescer<T> {
  const waiting = new Map<string, { value: T | undefined; timer: NodeJS.Timeout }>()

  function begin(key: string): void {
    const timer = setTimeout(() => {
      const entry = waiting.get(key)
      waiting.delete(key)
      if (entry?.value === undefined) return
      begin(key)
      emit(entry.value)
    }, intervalMs)
    timer.unref()
    waiting.set(key, { value: undefined, timer })
  }

  function drop(key: string): void {
    clearTimeout(waiting.get(key)?.timer)
    waiting.delete(key)
  }

  return {
    send(key, value) {
      const entry = waiting.get(key)
      if (entry) {
        entry.value = value
        return
      }
      begin(key)
      emit(value)
    },
    flush(key, value) {
      drop(key)
      begin(key)
      emit(value)
    },
    close() {
      for (const key of [...waiting.keys()]) drop(key)
    },
  }
}
