import { ticksAcross, type Tick } from './axis-ticks.ts'
import { labelOf, type ChartArm, type Measure, type Stair, type StudyValues } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import { armLooks, roleLooks, type ArmLook } from './data-colours.ts'
import { scaleAcross } from './interval-rows.ts'
import { nameRoom, textWidth } from './labels.ts'

/** What the stairs are drawn with. */
export interface StairsInput {
  readonly arms: readonly ChartArm[]
  readonly steps: readonly Stair[]
  readonly measure: Measure
  readonly intervalKind: string
  readonly study: StudyValues | null
}

/** A bar from one value to another, in pixels. */
export interface StairBar {
  readonly from: number
  readonly to: number
}

export interface DrawnStair {
  readonly arm: string
  readonly label: string
  readonly look: ArmLook
  readonly y: number
  /** Where its value lies. */
  readonly at: number
  /** From the value of the step before to its own; null for the first. */
  readonly bar: StairBar | null
  /** The interval of what it adds, laid at the value of the step before. */
  readonly whisker: StairBar | null
  /** The same step of the study; null where it measured one end only. */
  readonly study: { readonly bar: StairBar | null; readonly at: number } | null
  readonly numbers: string
  readonly text: string
}

export interface StairsLayout {
  readonly stairs: readonly DrawnStair[]
  readonly nameRoom: number
  readonly plotWidth: number
  readonly ticks: readonly Tick[]
  readonly rowHeight: number
  readonly height: number
  readonly numbersAt: number | null
}

const rowHeight = 34
const axisHeight = 20

/** Steps from above to below, each bar beginning where the one before ended. */
export function layOutStairs(input: StairsInput, width: number): StairsLayout {
  const { arms, steps, measure } = input
  const looks = armLooks(arms)
  const names = nameRoom(
    steps.map(({ arm }) => labelOf(arms, arm)),
    width,
  )
  const numbersOf = steps.map((step) => numbers(step, measure))
  const room = width < 560 ? 0 : Math.max(...numbersOf.map(textWidth), 0) + 16
  const plotWidth = Math.max(60, width - names - Math.max(room, 24))
  const before = steps.map((step) => (step.from === null ? null : (steps.find(({ arm }) => arm === step.from)?.value ?? null)))
  const references = steps.map((step) => studyOf(input, step))
  const extremes = steps.flatMap((step, index) => {
    const [from, reference] = [before[index] ?? null, references[index]]
    return [
      step.value,
      ...(from === null || step.added === null ? [] : [from + step.added.low, from + step.added.high]),
      ...(reference ? [reference.value, ...(reference.from === null ? [] : [reference.from])] : []),
    ]
  })
  const scale = scaleAcross(extremes, { width: plotWidth, bounds: measure.bounds })
  const clamp = (value: number): number => Math.min(plotWidth, Math.max(0, scale(value)))
  const stairs = steps.map((step, index): DrawnStair => {
    const from = before[index] ?? null
    const reference = references[index] ?? null
    return {
      arm: step.arm,
      label: labelOf(arms, step.arm),
      look: looks.get(step.arm) ?? roleLooks.merged,
      y: index * rowHeight,
      at: scale(step.value),
      bar: from === null ? null : { from: scale(from), to: scale(step.value) },
      whisker: from === null || step.added === null ? null : { from: clamp(from + step.added.low), to: clamp(from + step.added.high) },
      study: reference && {
        at: scale(reference.value),
        bar: reference.from === null ? null : { from: scale(reference.from), to: scale(reference.value) },
      },
      numbers: numbersOf[index] ?? '',
      text: stairText(input, step, reference),
    }
  })
  return {
    stairs,
    nameRoom: names,
    plotWidth,
    ticks: ticksAcross(scale, measure.write),
    rowHeight,
    height: steps.length * rowHeight + axisHeight,
    numbersAt: room === 0 ? null : width,
  }
}

interface StudyStep {
  readonly value: number
  readonly from: number | null
}

function studyOf({ arms, study }: StairsInput, step: Stair): StudyStep | null {
  const value = (id: string | null): number | null => {
    const role = arms.find((arm) => arm.id === id)?.role
    return (role ? study?.[role] : null) ?? null
  }
  const own = value(step.arm)
  return own === null ? null : { value: own, from: value(step.from) }
}

function numbers({ value, added }: Stair, measure: Measure): string {
  if (added === null) return measure.write(value)
  return `${measure.writeDifference(added.value)} (${measure.writeDifference(added.low)} to ${measure.writeDifference(added.high)}), to ${measure.write(value)}`
}

function stairText({ arms, measure, intervalKind }: StairsInput, { arm, value, from, added }: Stair, reference: StudyStep | null): string {
  const write = measure.writeDifference
  return [
    `${labelOf(arms, arm)}: ${measure.write(value)}`,
    ...(added === null || from === null
      ? []
      : [
          `${write(added.value)} ${measure.differenceUnit} on ${labelOf(arms, from)}, ${intervalKind} interval from ${write(added.low)} to ${write(added.high)}${added.low > 0 || added.high < 0 ? '' : ', not clear'}`,
        ]),
    ...(reference === null
      ? []
      : [`the study’s ${measure.write(reference.value)}${reference.from === null ? '' : `, ${write(reference.value - reference.from)}`}`]),
  ].join('; ')
}

/** Which step adds most. */
export function stairsFinding({ arms, steps, measure }: StairsInput): string {
  const added = steps.flatMap((step) => (step.added === null ? [] : [{ ...step, added: step.added }]))
  const first = added[0]
  if (!first) return 'There are no steps to compare yet'
  const most = added.reduce((best, step) => (step.added.value > best.added.value ? step : best), first)
  const [from, to] = [steps[0], steps.at(-1)]
  const whole = from && to ? `from ${measure.write(from.value)} to ${measure.write(to.value)}` : ''
  if (most.added.value <= 0) return `No step adds anything, ${whole}`
  return `${labelOf(arms, most.arm)} adds most, ${measure.writeDifference(most.added.value)} ${measure.differenceUnit}, on the way ${whole}`
}

export function stairsTable(input: StairsInput): ChartTable {
  const { arms, steps, measure, study } = input
  const difference = { numeric: true, format: measure.writeDifference }
  return {
    columns: [
      { label: 'step', numeric: false },
      { label: 'value', numeric: true },
      { label: 'on', numeric: false },
      { label: 'adds', ...difference },
      { label: 'low', ...difference },
      { label: 'high', ...difference },
      ...(study ? [{ label: 'study’s value', numeric: true }] : []),
    ],
    rows: steps.map((step) => [
      labelOf(arms, step.arm),
      step.value,
      step.from === null ? null : labelOf(arms, step.from),
      step.added?.value ?? null,
      step.added?.low ?? null,
      step.added?.high ?? null,
      ...(study ? [studyOf(input, step)?.value ?? null] : []),
    ]),
  }
}
