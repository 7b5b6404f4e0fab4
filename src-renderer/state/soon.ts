/** A wish that is granted `pauseMs` later; further ones until then are the same wish. For events that come in crowds. */
export function soon(pauseMs: number, work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined
      work()
    }, pauseMs)
  }
}
