/** A process that is killed in the middle of a comparison: its engine answers the first call, says so on stdout, and never ends the second. */
import { createEngine } from '../../../src-main/engine/engine.ts'
import { openBench } from './bench.ts'

const engine = createEngine({ threads: 1 })
let calls = 0
const bench = openBench({}, process.argv[2], {
  engine: {
    compare(request, run) {
      calls += 1
      if (calls === 1) return engine.compare(request, run)
      console.log('comparing')
      return new Promise(() => undefined)
    },
  },
})
bench.queue.start('compare', { ids: JSON.parse(process.argv[3] ?? '[]') as string[] })
