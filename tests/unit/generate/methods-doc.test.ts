import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { methodsDoc, methodsDocPath } from '../../../scripts/generate/methods-doc.ts'
import { methods, type MethodEntry } from '../../../src-main/contract/methods.ts'

const root = join(import.meta.dirname, '../../..')

test('the checked-in page is what the registry gives (npm run generate)', () => {
  expect(readFileSync(join(root, methodsDocPath), 'utf8')).toBe(methodsDoc(methods).get(methodsDocPath))
})

test('the page tells parameters with their range and default, and identities with their reason', () => {
  const sample: MethodEntry = {
    ...methods[0],
    id: 'sample',
    inputs: { min: 2, max: 3 },
    needs: { equalRanks: true, sharedModules: true },
    params: [
      { kind: 'number', id: 'density', label: 'Density', help: 'Share kept | of all.', per: 'recipe', default: 0.2, min: 0, max: 1 },
    ],
    identities: [
      { id: 'single', holds: true },
      { id: 'gauge', holds: false, note: 'it depends' },
    ],
  }
  const text = methodsDoc([sample]).get(methodsDocPath)!
  expect(text).toContain('| `density` | Density | recipe | a number from 0 to 1 | 0.2 | Share kept \\| of all. |')
  expect(text).toContain('- Adapters: 2 to 3\n')
  expect(text).toContain('- Needs: equal ranks in each module, the same target modules everywhere\n')
  expect(text).toContain('- holds: one adapter at coefficient 1 returns itself\n')
  expect(text).toContain('- does not hold: replacing (B, A) by (B inverse(M), M A) changes nothing (it depends)\n')
})
