import { defaultsOf, type ParamValue } from '../../src-main/contract/params.ts'
import { findMethod, type MethodEntry } from '../../src-main/contract/methods.ts'
import type { Dtype } from '../../src-main/contract/adapter.ts'
import type { TypedNumber } from '../format/typed-number.ts'

/** One coefficient rule as it is being edited; empty texts mean "any module" and "any layer". */
export interface DraftRule {
  readonly key: string
  /** Module names joined by "|". */
  readonly modules: string
  readonly firstLayer: TypedNumber
  readonly lastLayer: TypedNumber
  readonly value: TypedNumber
}

/** One line of the sources list. */
export interface DraftSource {
  /** Identity of the line, not of the adapter: an adapter may stand in several lines. */
  readonly key: string
  /** What the recipe carries: an id of the library, or the reference of an opened recipe that the library does not know. */
  readonly adapter: string
  /** Name at the time it was added, shown while the library's row is not there. */
  readonly name: string
  readonly coefficient: TypedNumber
  readonly rules: readonly DraftRule[]
  /** A locked coefficient is left alone by "sum to 1" and "equal norms". */
  readonly locked: boolean
  /** Slot 0 to 7 of the categorical colours, kept while the line lives; null when all are taken. */
  readonly colour: number | null
  /** Per-adapter parameters that were changed from their default. */
  readonly params: Readonly<Record<string, ParamValue | string>>
}

export interface DraftOutput {
  readonly rank: 'auto' | 'sum' | TypedNumber
  readonly dtype: Dtype
  readonly padTo: 'none' | 'vllm'
  readonly name: string
}

/** Everything the Merge section edits. Immutable: every change makes a new draft. */
export interface MergeDraft {
  readonly method: string
  readonly sources: readonly DraftSource[]
  /** Changed recipe parameters by method, so that going back to a method finds its values again. */
  readonly params: Readonly<Record<string, Readonly<Record<string, ParamValue | string>>>>
  readonly output: DraftOutput
  readonly seed: TypedNumber
}

/** Number of categorical colours (tokens --data-1 to --data-8). */
export const colourSlots = 8

/** A draft with nothing in it. */
export const emptyDraft: MergeDraft = {
  method: 'linear',
  sources: [],
  params: {},
  output: { rank: 'auto', dtype: 'float32', padTo: 'none', name: '' },
  seed: 1,
}

/** The registry entry of the draft's method; undefined for a method that an opened recipe invented. */
export function methodOfDraft(draft: MergeDraft): MethodEntry | undefined {
  return findMethod(draft.method)
}

/** A key that none of `taken` has. */
export function freeKey(prefix: string, taken: readonly { readonly key: string }[]): string {
  const numbers = taken.map(({ key }) => Number(key.slice(prefix.length))).filter(Number.isInteger)
  return `${prefix}${Math.max(0, ...numbers) + 1}`
}

function freeColour(sources: readonly DraftSource[]): number | null {
  const taken = new Set(sources.map((source) => source.colour))
  const free = Array.from({ length: colourSlots }, (_, slot) => slot).find((slot) => !taken.has(slot))
  return free ?? null
}

/** Adds a line for each adapter at the end, at coefficient 1; repeats are allowed. */
export function addSources(draft: MergeDraft, adapters: readonly { readonly id: string; readonly name: string }[]): MergeDraft {
  const sources = adapters.reduce<readonly DraftSource[]>((list, { id, name }) => {
    const line: DraftSource = {
      key: freeKey('s', list),
      adapter: id,
      name,
      coefficient: 1,
      rules: [],
      locked: false,
      colour: freeColour(list),
      params: {},
    }
    return [...list, line]
  }, draft.sources)
  return { ...draft, sources }
}

export function removeSource(draft: MergeDraft, key: string): MergeDraft {
  return { ...draft, sources: draft.sources.filter((source) => source.key !== key) }
}

/** Changes fields of one line. */
export function editSource(draft: MergeDraft, key: string, change: Partial<Omit<DraftSource, 'key'>>): MergeDraft {
  return { ...draft, sources: draft.sources.map((source) => (source.key === key ? { ...source, ...change } : source)) }
}

/** Moves a line to position `to` (clamped to the list). */
export function moveSource(draft: MergeDraft, key: string, to: number): MergeDraft {
  const moving = draft.sources.find((source) => source.key === key)
  if (!moving) return draft
  const rest = draft.sources.filter((source) => source.key !== key)
  const place = Math.min(Math.max(to, 0), rest.length)
  return { ...draft, sources: [...rest.slice(0, place), moving, ...rest.slice(place)] }
}

/** Adds an empty rule to a line; it starts from the line's own coefficient, so nothing changes until it is edited. */
export function addRule(draft: MergeDraft, key: string): MergeDraft {
  const source = draft.sources.find((candidate) => candidate.key === key)
  if (!source) return draft
  const rule: DraftRule = { key: freeKey('r', source.rules), modules: '', firstLayer: '', lastLayer: '', value: source.coefficient }
  return editSource(draft, key, { rules: [...source.rules, rule] })
}

export function editRule(draft: MergeDraft, key: string, ruleKey: string, change: Partial<Omit<DraftRule, 'key'>>): MergeDraft {
  const source = draft.sources.find((candidate) => candidate.key === key)
  if (!source) return draft
  return editSource(draft, key, { rules: source.rules.map((rule) => (rule.key === ruleKey ? { ...rule, ...change } : rule)) })
}

export function removeRule(draft: MergeDraft, key: string, ruleKey: string): MergeDraft {
  const source = draft.sources.find((candidate) => candidate.key === key)
  if (!source) return draft
  return editSource(draft, key, { rules: source.rules.filter((rule) => rule.key !== ruleKey) })
}

/** Recipe parameters of the draft's method with defaults filled in, as the form shows them. */
export function shownParams(draft: MergeDraft): Readonly<Record<string, ParamValue | string>> {
  const method = methodOfDraft(draft)
  return { ...(method ? defaultsOf(method.params, 'recipe') : {}), ...draft.params[draft.method] }
}

/** Changes one recipe parameter of the draft's method. */
export function editParam(draft: MergeDraft, id: string, value: ParamValue | string): MergeDraft {
  return { ...draft, params: { ...draft.params, [draft.method]: { ...draft.params[draft.method], [id]: value } } }
}
