import { createHash } from 'node:crypto'
import type { Example } from '../contract/task.ts'
import { canonicalJson } from '../platform/canonical-json.ts'

/** An example that has no id yet; `ownId` is the one its row brings. */
export interface RawExample {
  readonly ownId: string | null
  readonly inputs: Readonly<Record<string, string>>
  readonly answer: string
}

/** SHA-256 of a text, in hexadecimal digits. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Equal for equal inputs, whatever the answer: what a split must not share with another one. */
export function questionKey(example: Pick<Example, 'inputs'>): string {
  // An object with one field is canonical as it is; this runs for every row of large files.
  return Object.keys(example.inputs).length === 1 ? JSON.stringify(example.inputs) : canonicalJson(example.inputs)
}

/** Canonical JSON of an example's content: equal for equal inputs and answers. */
export function contentKey(example: Pick<Example, 'inputs' | 'answer'>): string {
  return `{"answer":${JSON.stringify(example.answer)},"inputs":${questionKey(example)}}`
}

/**
 * Gives every example its id: its row's own, or the first 16 digits of its content's hash. What occurs again in the same list gets "-2", "-3" and so on,
 * so that no two have the same.
 */
export function withIds(examples: readonly RawExample[]): readonly Example[] {
  const taken = new Set<string>()
  const repeats = new Map<string, number>()
  return examples.map(({ ownId, inputs, answer }) => {
    const own = ownId ?? sha256(contentKey({ inputs, answer })).slice(0, 16)
    let id = own
    let count = repeats.get(own) ?? 1
    while (taken.has(id)) {
      count += 1
      id = `${own}-${count}`
    }
    repeats.set(own, count)
    taken.add(id)
    return { id, inputs, answer }
  })
}

/** A row's own id as it may be stored, null where it has none that can be used. */
export function ownIdOf(value: unknown): string | null {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  return typeof text === 'string' && /^[^\p{Cc}]{1,200}$/u.test(text) ? text : null
}
