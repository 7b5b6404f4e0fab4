/** Work that waits its turn; at most `limit` pieces run at once, urgent ones before the others, otherwise in order. */
export interface Lane {
  run<T>(work: () => Promise<T>, urgent?: boolean): Promise<T>
}

/** A lane of the given width. */
export function createLane(limit: number): Lane {
  const waiting: (() => void)[] = []
  let running = 0
  const pump = () => {
    while (running < limit && waiting.length > 0) {
      running += 1
      waiting.shift()!()
    }
  }
  return {
    run: (work, urgent = false) =>
      new Promise((resolve, reject) => {
        const begin = () => {
          void work()
            .then(resolve, reject)
            .finally(() => {
              running -= 1
              pump()
            })
        }
        if (urgent) waiting.unshift(begin)
        else waiting.push(begin)
        pump()
      }),
  }
}
