/** A folder of adapters as a person has it: nested, mostly healthy, some broken. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAdapter } from '../helpers/adapters.ts'
import { demoAdapters } from '../helpers/demo.ts'

const taken = [
  'sentiment-r16',
  'topic-r4-attention',
  'rude-r16',
  'travel-r32',
  'country-r8-qv',
  'first-r8-patterns',
  'sentiment-r8-rslora',
  'bank-r16',
] as const

/** What a pool holds, for assertions. */
export interface Pool {
  readonly folder: string
  readonly imported: number
  /** Listed too, with their reasons. */
  readonly refused: number
}

/** Fills `folder` with eight demo adapters, a truncated copy and one whose config is not JSON. */
export function makePool(folder: string): Pool {
  for (const name of taken) cpSync(join(demoAdapters, name), join(folder, 'found', name), { recursive: true })
  const truncated = join(folder, 'broken', 'truncated')
  cpSync(join(demoAdapters, 'bank-r16'), truncated, { recursive: true })
  const weights = join(truncated, 'adapter_model.safetensors')
  writeFileSync(weights, readFileSync(weights).subarray(0, 4096))
  const notJson = join(folder, 'broken', 'unreadable-config')
  cpSync(join(demoAdapters, 'bank-r16'), notJson, { recursive: true })
  writeFileSync(join(notJson, 'adapter_config.json'), '{ "r": 16,')
  return { folder, imported: taken.length, refused: 2 }
}

/** Two adapters so large that their merge takes long enough to be watched and stopped. */
export function makeLargePair(folder: string): string {
  mkdirSync(folder, { recursive: true })
  const shape = { hidden: 1536, intermediate: 1536, keyValue: 1536 }
  for (const [index, name] of ['large-a', 'large-b'].entries())
    makeAdapter(join(folder, name), {
      r: 96,
      alpha: 12,
      layers: 8,
      shape,
      seed: index + 1,
      config: { base_model_name_or_path: 'test/large' },
    })
  return folder
}
