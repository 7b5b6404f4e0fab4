import * as v from 'valibot'
import { dtypes } from '../../src-main/contract/adapter.ts'
import { paddings } from '../../src-main/contract/recipe.ts'
import type { MergeDraft } from './merge-draft.ts'

const typed = v.union([v.number(), v.string()])
const params = v.record(v.string(), v.union([v.number(), v.string(), v.boolean()]))
const rule = v.object({ key: v.string(), modules: v.string(), firstLayer: typed, lastLayer: typed, value: typed })

const draftSchema = v.object({
  method: v.string(),
  sources: v.array(
    v.object({
      key: v.string(),
      adapter: v.string(),
      name: v.string(),
      coefficient: typed,
      rules: v.array(rule),
      locked: v.boolean(),
      colour: v.nullable(v.number()),
      params,
    }),
  ),
  params: v.record(v.string(), params),
  output: v.object({ rank: typed, dtype: v.picklist(dtypes), padTo: v.picklist(paddings), name: v.string() }),
  seed: typed,
})

/** The text under which a draft is remembered. */
export function storeDraft(draft: MergeDraft): string {
  return JSON.stringify(draft)
}

/** The draft that was remembered, or null where there is none or another version wrote it in another shape. */
export function restoreDraft(text: string | undefined): MergeDraft | null {
  if (text === undefined) return null
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), draftSchema), text)
  return read.success ? read.output : null
}
