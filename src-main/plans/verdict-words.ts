import type { SpokenVerdict } from '../contract/comparison.ts'
import type { ArmRole } from '../contract/plan.ts'
import type { Verdict } from '../statistics/verdict.ts'
import type { Measured } from './measure-arms.ts'
import { anecdotalBelow } from './compare-arms.ts'
import { counted, numbersOf, type Unit } from './measure-words.ts'
import { neededToDecide } from './needed-to-decide.ts'

/** What a verdict is put into words from. */
export interface VerdictFacts {
  /** null: over several tasks. */
  readonly task: string | null
  readonly verdict: Verdict
  /** What was measured of the verdict's decisive difference. */
  readonly decisive: Measured | null
  /** Value of the arm with that role, in the metric's own units; null where it was not measured here. */
  readonly valueAt: (role: ArmRole) => number | null
  /** Whether the plan has an arm with that role. */
  readonly isPlanned: (role: ArmRole) => boolean
  readonly unit: Unit
  /** Labelled examples that own LoRA and merges were made with; null where that differs between tasks. */
  readonly labelled: number | null
  /** Tasks among those spoken of with fewer than 30 test examples. */
  readonly smallTasks: number
  readonly margin: number
}

/** How the sentences call the arms. */
const names: Readonly<Record<ArmRole, string>> = {
  base: 'the base model',
  own: 'your own LoRA',
  merged: 'the merge without your LoRA',
  mergedWithOwn: 'the merge with your LoRA',
  random: 'the merge with random parameters',
  randomWithOwn: 'your LoRA with random parameters',
  retuned: 'your own LoRA re-tuned',
}

/** A verdict in words (recycling-loras.md 6.2): what the rule says and no more. */
export function speakVerdict(facts: VerdictFacts): SpokenVerdict {
  const { task, verdict } = facts
  return {
    task,
    verdict,
    headline: headlineOf(facts),
    statement: statementOf(facts),
    strength: strengthOf(facts),
    toDecide: toDecide(facts),
  }
}

function headlineOf(facts: VerdictFacts): string {
  const { verdict, task, unit } = facts
  switch (verdict.outcome) {
    case 'harmful':
      return verdict.harmful.length > 1
        ? 'Do not ship these merges: they are below the base model.'
        : `Do not ship this merge: ${names[verdict.harmful[0]!]} is below the base model.`
    case 'train':
      return 'Train your own LoRA; recycling brought nothing measurable here.'
    case 'rescaling':
      return 'The gain is re-scaling of your own LoRA, not the recycled ones.'
    case 'random-as-well':
      return 'Random adapters do as well: a regularisation-like effect, not reuse of knowledge.'
    case 'recycling-helps':
      return `These LoRAs add something for ${task === null ? 'these tasks' : 'this task'}; the ablation lists those whose removal lowers the score.`
    case 'tuning-only':
      // The rule's sentence says that tuning helps, which only the difference to the base model can show.
      return readingOf(verdict, 'merged', 'base') === 'above'
        ? 'Tuned coefficients help, the recycled content does not.'
        : 'The recycled content brought nothing measurable over random parameters.'
    case 'content-helps':
      return `Recycled content helps by ${numbersOf(unit).amount(verdict.decisive!.difference.value)}.`
    case 'undecided':
      return `Not decidable with ${task === null ? 'these test sets' : 'this test set'}.`
    case 'incomplete':
      return `No verdict: there is no result of ${joined(missingRoles(facts).map((role) => names[role]))}.`
  }
}

function readingOf({ evidence }: Verdict, arm: ArmRole, to: ArmRole) {
  return evidence.find((entry) => entry.arm === arm && entry.to === to)?.reading ?? null
}

/** The sentence that every report fills in, from the measured arms; what was not measured is said. */
function statementOf({ valueAt, unit, labelled }: VerdictFacts): string {
  const say = (role: ArmRole): string => {
    const value = valueAt(role)
    return value === null ? 'not measured' : numbersOf(unit).value(value)
  }
  return [
    `Base ${say('base')}.`,
    `Your own LoRA on the same ${labelled === null ? '' : `${counted(labelled)} `}examples ${say('own')}.`,
    `Merge without it ${say('merged')}, with it ${say('mergedWithOwn')}.`,
    `Same merge with random parameters: without it ${say('random')}, with it ${say('randomWithOwn')}.`,
    `Only re-tuning your own LoRA's coefficients ${say('retuned')}.`,
  ].join(' ')
}

function strengthOf(facts: VerdictFacts): string {
  const { verdict, decisive, unit, margin, task, smallTasks } = facts
  if (!verdict.decisive || !decisive) return 'Nothing was compared: the verdict needs the arms that are missing.'
  const { arm, to, difference, reading } = verdict.decisive
  const { signed, amount } = numbersOf(unit)
  const over = [
    `${counted(decisive.examples)} test ${decisive.examples === 1 ? 'example' : 'examples'}`,
    ...(task === null ? [`${decisive.tasks} tasks`] : []),
    decisive.seeds === 1 ? 'one seed' : `${decisive.seeds} seeds`,
  ]
  const readings = {
    above: 'The interval lies above 0.',
    below: 'The interval lies below 0.',
    nothing: `The interval holds 0 and ends below the margin of ${amount(margin)}.`,
    undecided: `The interval holds 0 and the margin of ${amount(margin)}.`,
  } as const
  const ends = `95 % interval ${signed(difference.low)} to ${signed(difference.high)}`
  return [
    `${capitalised(names[arm])} minus ${names[to]}: ${signed(difference.value)} ${numbersOf(unit).plural} (${ends}), paired over ${joined(over)}.`,
    readings[reading],
    ...(decisive.disagreement === 0 && task !== null && unit === 'fraction'
      ? ['No test example tells the two apart; the interval is what so many examples cannot rule out.']
      : []),
    ...(smallTasks === 0
      ? []
      : [
          task === null
            ? `${smallTasks} of the tasks ${smallTasks === 1 ? 'has' : 'have'} fewer than ${anecdotalBelow} test examples.`
            : `Fewer than ${anecdotalBelow} test examples: an anecdote.`,
        ]),
  ].join(' ')
}

function toDecide(facts: VerdictFacts): string | null {
  const { verdict, decisive, task, margin, unit } = facts
  if (verdict.outcome === 'undecided')
    return neededToDecide(verdict.decisive!.difference, decisive, { margin, unit, isOneTask: task !== null })
  if (verdict.outcome !== 'incomplete') return null
  const missing = missingRoles(facts)
  const [toRun, toAdd] = [missing.filter(facts.isPlanned), missing.filter((role) => !facts.isPlanned(role))]
  return [
    ...(toAdd.length > 0 ? [`Add to the plan: ${joined(toAdd.map((role) => `${names[role]} (role ${role})`))}.`] : []),
    ...(toRun.length > 0 ? [`Run: ${joined(toRun.map((role) => names[role]))}.`] : []),
  ].join(' ')
}

/** Arms whose results would let the rules go on: with one's own LoRA in the plan those of rules 1 to 3, else those of rule 5. */
function missingRoles({ verdict, valueAt, isPlanned }: VerdictFacts): readonly ArmRole[] {
  const aims: readonly ArmRole[] =
    verdict.missing.length === 1
      ? verdict.missing
      : isPlanned('own') || isPlanned('mergedWithOwn')
        ? ['own', 'mergedWithOwn']
        : ['merged', 'random']
  const unmeasured = aims.filter((role) => valueAt(role) === null)
  return unmeasured.length > 0 ? unmeasured : verdict.missing
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function joined(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`
}
