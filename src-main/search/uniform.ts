import * as v from 'valibot'
import { drawsOf } from './draws.ts'
import type { StartOptimiser } from './optimiser.ts'

/** Points asked for at once where nobody says otherwise. */
const recommended = 16

const stateSchema = v.object({ generation: v.number() })

/** Uniform in the box, each generation independent of all that was told (Bergstra and Bengio 2012). */
export const startUniform: StartOptimiser = ({ space, seed, population }, saved) => {
  let { generation } = saved === undefined ? { generation: 0 } : v.parse(stateSchema, saved)
  return {
    ask() {
      const random = drawsOf(seed, generation)
      return Array.from({ length: population || recommended }, () => space.map(() => random.uniform()))
    },
    tell: () => void (generation += 1),
    state: () => ({ generation }),
  }
}
