import type { SpokenVerdict } from '../contract/comparison.ts'

type Verdict = SpokenVerdict['verdict']

/** The six rules in the order in which they are asked (CONTRACT.md, "Verdict"). A difference counts when its interval leaves out 0. */
export const verdictRules: readonly { readonly rule: NonNullable<Verdict['rule']>; readonly text: string }[] = [
  { rule: 6, text: 'A merge is below the base model: do not ship it.' },
  { rule: 1, text: 'The tuned merge with the own LoRA is not above the own LoRA: train your own; recycling brought nothing measurable.' },
  {
    rule: 2,
    text: 'It is above, but not above the own LoRA with only its coefficients tuned again: the gain is re-scaling of the own LoRA.',
  },
  { rule: 3, text: 'It is above that, but not above the same merge with random parameters: random adapters do as well.' },
  { rule: 4, text: 'It is above the merge with random parameters: these adapters add something for this task.' },
  {
    rule: 5,
    text: 'Without an own LoRA: the tuned merge against the one with random parameters tells whether the recycled content helps or only the tuning does.',
  },
]

/** How each reading of a difference is said. */
export const readingWords: Readonly<Record<Verdict['evidence'][number]['reading'], string>> = {
  above: 'above: the interval leaves out 0',
  below: 'below: the interval leaves out 0',
  undecided: 'not decidable: the interval holds 0 and reaches the margin',
  nothing: 'nothing measurable: the interval holds 0 and ends below the margin',
}

/** Outcomes in a few words, for tables of many verdicts. */
export const outcomeWords: Readonly<Record<Verdict['outcome'], string>> = {
  harmful: 'a merge is below the base model',
  train: 'train your own LoRA',
  rescaling: 're-scaling of the own LoRA',
  'random-as-well': 'random adapters do as well',
  'recycling-helps': 'recycling helps',
  'tuning-only': 'only the tuning helps',
  'content-helps': 'the recycled content helps',
  undecided: 'not decidable with this test set',
  incomplete: 'arms are missing',
}
