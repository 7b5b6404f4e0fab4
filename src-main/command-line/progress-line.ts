/** A line that says where a long command stands. */
export interface ProgressLine {
  show(text: string): void
  /** Takes the line away before something else is printed. */
  clear(): void
}

/** Time between two progress lines where the old one cannot be replaced, in milliseconds. */
const plainIntervalMs = 2_000

/** A progress line on `err`: replaced in place on a screen; elsewhere (a log file) printed now and then. */
export function createProgressLine(err: (text: string) => void, interactive: boolean, now: () => number = Date.now): ProgressLine {
  let shown = false
  let printedAt = 0
  return {
    show(text) {
      if (interactive) {
        err(`\r\x1b[2K${text}`)
        shown = true
      } else if (now() - printedAt >= plainIntervalMs) {
        err(`${text}\n`)
        printedAt = now()
      }
    },
    clear() {
      if (shown) err('\r\x1b[2K')
      shown = false
    },
  }
}
