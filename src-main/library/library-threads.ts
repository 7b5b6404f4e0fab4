import { availableParallelism } from 'node:os'
import { workerFile } from '../platform/worker-file.ts'
import { createWorkerPool, type WorkerPool } from './worker-pool.ts'

/** Threads that hash: one for each of the two hashes of a file. */
const hashingThreads = 2

/**
 * The threads of one library as one pool: some that look through folders and read headers (`readers`; by default as many as there are cores, from
 * two to four), and two more for hashing, so that what a window asks never waits behind a large file.
 */
export function createLibraryThreads(readers = Math.max(2, Math.min(4, availableParallelism()))): WorkerPool {
  const file = workerFile('library/read-worker')
  const reading = createWorkerPool(file, readers)
  const hashing = createWorkerPool(file, hashingThreads)
  return {
    run: (kind, input, options) => (kind === 'hash' ? hashing : reading).run(kind, input, options),
    warm: reading.warm,
    async close() {
      await Promise.all([reading.close(), hashing.close()])
    },
  }
}
