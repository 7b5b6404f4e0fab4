/** A process that is killed in the middle of an evaluation: its core writes some lines and a half, says so on stdout, and never ends. */
import { inputOf, openEvaluateBench } from './evaluate-bench.ts'

const [, , folder, baseId, adapterId] = process.argv
const bench = openEvaluateBench({ calls: [], stopAfter: 8, then: 'hang', onStop: () => console.log('writing') }, folder)
const subjects = [{ kind: 'base' as const }, { kind: 'adapter' as const, adapterId: adapterId! }]
bench.queue.start('evaluate', inputOf({ baseId: baseId!, subjects, tasks: [{ taskId: 'reviews', split: 'test' }] }))
// The core that never ends keeps no process alive by itself.
setInterval(() => undefined, 1000)
