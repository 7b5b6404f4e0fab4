/** Gathers ids that changed and passes them on together. */
export interface Changes {
  add(ids: readonly string[]): void
  /** Passes on what is gathered, now. */
  flush(): void
}

const intervalMs = 100

/** Calls `emit` at most once in 100 ms with all ids of that time; the first ones go out at once. */
export function gatherChanges(emit: (ids: readonly string[]) => void): Changes {
  let gathered = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (gathered.size === 0) return
    const ids = [...gathered]
    gathered = new Set()
    emit(ids)
    timer = setTimeout(flush, intervalMs)
    timer.unref()
  }

  return {
    add(ids) {
      for (const id of ids) gathered.add(id)
      if (timer === undefined) flush()
    },
    flush() {
      flush()
      clearTimeout(timer)
      timer = undefined
    },
  }
}
