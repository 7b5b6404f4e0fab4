/** What the tests of trust work on: many small adapters, and a pair whose merge and export take a while. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAdapter } from '../helpers/adapters.ts'

export const smallAdapters = 60

export interface TrustPool {
  /** Holds `many` and `pair`; hashed to see that no file of a person was touched. */
  readonly folder: string
  readonly many: string
  readonly pair: string
  readonly recipe: string
}

export function makeTrustPool(folder: string, shape = { hidden: 512, intermediate: 512, keyValue: 512 }): TrustPool {
  const many = join(folder, 'many')
  const pair = join(folder, 'pair')
  mkdirSync(pair, { recursive: true })
  for (let index = 0; index < smallAdapters; index++)
    makeAdapter(join(many, `small-${String(index).padStart(2, '0')}`), { seed: index + 1, r: 2 + (index % 3), card: '# A card\n' })
  for (const [index, name] of ['left', 'right'].entries()) makeAdapter(join(pair, name), { seed: 100 + index, r: 64, layers: 6, shape })
  const recipe = join(folder, 'recipe.yaml')
  writeFileSync(
    recipe,
    'method: linear\nadapters:\n  - adapter: left\n  - adapter: right\n    coefficient: 0.5\noutput: { rank: 32, name: made }\n',
  )
  return { folder, many, pair, recipe }
}
