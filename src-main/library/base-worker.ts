/** Entry of the worker thread that reads a base model's tokenizer: a large vocabulary takes a second, for which the main thread must not stand still. */
import { parentPort, workerData } from 'node:worker_threads'
import { Refusal } from '../contract/problems.ts'
import { openTokenizer } from '../tasks/tokenizer.ts'
import type { TokenFacts } from './base-tokens.ts'

function read(folder: string): TokenFacts {
  try {
    const { vocabulary, template } = openTokenizer(folder)
    return { vocabulary, template, problems: [] }
  } catch (error) {
    if (error instanceof Refusal) return { vocabulary: null, template: 'plain', problems: error.problems }
    throw error
  }
}

if (!parentPort) throw new Error('base-worker runs in a worker thread only')
parentPort.postMessage(read(workerData as string))
