/** A process that is killed in the middle of a merge: its engine writes half a file, says so on stdout, and never ends. */
import { writeFileSync } from 'node:fs'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { openBench } from './bench.ts'

const bench = openBench(
  {
    engine: {
      devices: () => createEngine({ threads: 1 }).devices(),
      merge(_job, outFile) {
        writeFileSync(outFile, 'half a file')
        console.log('writing')
        return new Promise(() => undefined)
      },
    },
  },
  process.argv[2],
)
for (const _ of [1, 2])
  bench.queue.start('merge', { recipe: { method: 'concat', adapters: [{ adapter: 'a' }], output: { name: 'killed' } } })
