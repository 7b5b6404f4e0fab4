import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { BaseModel } from '../contract/base-model.ts'
import type { Problem } from '../contract/problems.ts'
import { workerFile } from '../platform/worker-file.ts'

/** What the tokenizer of a checkpoint tells; vocabulary null: it cannot be read, and the problems say why. */
export interface TokenFacts {
  /** One more than the largest token id. */
  readonly vocabulary: number | null
  readonly template: BaseModel['template']
  readonly problems: readonly Problem[]
}

/** Reads the tokenizer in `folder` in a thread of its own. */
export async function readTokens(folder: string): Promise<TokenFacts> {
  const worker = new Worker(workerFile('library/base-worker'), { workerData: folder })
  try {
    // `once` rejects when the thread fails.
    const [facts] = (await once(worker, 'message')) as [TokenFacts]
    return facts
  } finally {
    await worker.terminate()
  }
}
