/** A process that is killed in the middle of a tuning: its core has made 12 steps and two checkpoints, says so on stdout, and never ends. */
import { adaptInput, openAdaptBench, startAdapt } from './adapt-bench.ts'

const [, , folder, baseId] = process.argv
const bench = openAdaptBench({ learned: [], evaluated: [], stopAfter: 12, then: 'hang', onStop: () => console.log('learning') }, folder)
startAdapt(bench, adaptInput({ arm: 'tune', baseId: baseId!, taskId: 'reviews', params: { selection: 'manual', steps: 20 } }))
// The core that never ends keeps no process alive by itself.
setInterval(() => undefined, 1000)
