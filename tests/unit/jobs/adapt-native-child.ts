/** A process that is killed in the middle of a training: says on stdout that steps were made, and goes on. */
import type { AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { openTestServices } from '../../helpers/services.ts'
import { adaptInput, startAdapt } from './adapt-bench.ts'

const [, , folder, baseId, given] = process.argv
const { services } = openTestServices(folder)
const { adapt, queue, library } = services
const input = JSON.parse(given!) as Partial<AdaptRequestInput>
const jobId = startAdapt({ adapt, queue }, adaptInput({ arm: 'train', baseId: baseId!, taskId: 'sentiment', seed: 5, ...input }))
setInterval(() => {
  if ((library.adaptations.get(jobId)?.done ?? 0) >= 7) console.log('learning')
}, 20)
