import { setImmediate } from 'node:timers/promises'

/** Milliseconds of computing after which others have their turn. */
const sliceMs = 8

/** Runs steps to their end, and lets whatever waits go first every few milliseconds. */
export async function inSlices<Result>(steps: Generator<undefined, Result>): Promise<Result> {
  let turn = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() - turn < sliceMs) continue
    await setImmediate()
    turn = performance.now()
  }
}
