import { formatCount } from '../../format/numbers.ts'
import { identityTexts, methods, type MethodEntry } from '../../../src-main/contract/methods.ts'

const entries: readonly MethodEntry[] = methods

/** Families that have methods, in registry order. */
export const families: readonly { readonly id: MethodEntry['family']; readonly label: string; readonly methods: readonly MethodEntry[] }[] =
  [...new Set(entries.map((method) => method.family))].map((id) => ({
    id,
    label: familyLabels()[id],
    methods: entries.filter((method) => method.family === id),
  }))

function familyLabels(): Readonly<Record<MethodEntry['family'], string>> {
  return { linear: 'Linear', elementwise: 'Elementwise', spectral: 'Spectral', clustering: 'Clustering' }
}

const spaces: Readonly<Record<MethodEntry['actsOn'], { readonly label: string; readonly meaning: string }>> = {
  update: {
    label: 'acts on the update',
    meaning: 'The rule sees the update scaling · B · A only: how an adapter is split into factors does not change the result.',
  },
  core: {
    label: 'acts on the update (joint core)',
    meaning:
      'The rule works in an orthonormal basis of all adapters together, which holds their updates exactly: how an adapter is split into factors does not change the result.',
  },
  factors: {
    label: 'acts on factors',
    meaning: 'The rule sees A and B separately: the same update split into other factors gives another result.',
  },
}

/** In which space the method works, as a short label and a sentence. */
export function spaceOf(method: MethodEntry): { readonly label: string; readonly meaning: string } {
  return spaces[method.actsOn]
}

/** What the method asks of its inputs, in words; empty when it takes anything. */
export function needsOf(method: MethodEntry): readonly string[] {
  const { needs, inputs } = method
  return [
    ...(needs.equalRanks ? ['all adapters of one rank in each module'] : []),
    ...(needs.sharedModules ? ['the same target modules in every adapter'] : []),
    ...(needs.base ? ['the base model'] : []),
    ...(needs.data ? ['examples of a task'] : []),
    ...(inputs.min > 1 ? [`at least ${inputs.min} adapters`] : []),
    ...(inputs.max === undefined ? [] : [`at most ${inputs.max} adapters`]),
  ]
}

/** How the rank of the result comes about. */
export function rankRuleOf(method: MethodEntry): string {
  const rules: Readonly<Record<MethodEntry['outputRank'], string>> = {
    sum: 'The sum of the ranks: nothing is cut.',
    chosen: 'You choose; what does not fit is cut and reported.',
    common: 'The one rank that all adapters share.',
    largest: 'The largest rank of the adapters.',
    k: 'As many as there are clusters (k).',
  }
  return rules[method.outputRank]
}

/** Where the rank of the result comes from: `sum` are the sources' ranks together, in the module that has most of them. */
export function rankWords(kind: MethodEntry['kind'] | undefined, sum: number, rank: number): string {
  const [all, kept] = [formatCount(sum), formatCount(rank)]
  if (kind === 'on_tiles') return `A result made entry by entry has full rank; its ${kept} largest singular values are kept.`
  if (kind === 'cluster') return `${all} rank units are pooled at most in one module; ${kept} clusters make the result.`
  return `The ranks of the sources sum to ${all} at most in one module; the result keeps ${kept}.`
}

/** What holds for the method and what does not, with the reason. */
export function claimsOf(
  method: MethodEntry,
): readonly { readonly id: string; readonly holds: boolean; readonly text: string; readonly note: string }[] {
  return method.identities.map((claim) => ({ id: claim.id, holds: claim.holds, text: identityTexts[claim.id], note: claim.note ?? '' }))
}
