import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs'

const chunk = Buffer.alloc(8 << 20)

/** Seconds that a plain read of `inputs` plus a write and fsync of `outputBytes` to `outFile` takes; the yardstick of merge-concat. */
export function plainCopySeconds(inputs: readonly string[], outFile: string, outputBytes: number): number {
  const started = performance.now()
  for (const input of inputs) {
    const file = openSync(input, 'r')
    while (readSync(file, chunk, 0, chunk.length, null) > 0);
    closeSync(file)
  }
  const file = openSync(outFile, 'w')
  for (let left = outputBytes; left > 0; left -= Math.min(left, chunk.length)) writeSync(file, chunk, 0, Math.min(left, chunk.length))
  fsyncSync(file)
  closeSync(file)
  const seconds = (performance.now() - started) / 1000
  rmSync(outFile)
  return seconds
}
