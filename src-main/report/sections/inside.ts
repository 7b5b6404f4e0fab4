import type { Ablation, PlanDetail, PlanOutcome } from '../../contract/plan-run.ts'
import { heatMap } from '../charts/heat-map.ts'
import { intervalRows } from '../charts/interval-rows.ts'
import { lookOf } from '../charts/marks.ts'
import { columnsOf, figureBlock, tableBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { shownChange, shownNumber } from '../numbers.ts'
import {
  armLabel,
  placeWords,
  slugOf,
  unitOf,
  type PlacedAgreement,
  type PlacedContents,
  type PlacedExamples,
  type ReportInput,
} from '../plan-view.ts'

/** Which adapters of a merge mattered. Null where no merge was taken apart. */
export function ablationSection(detail: PlanDetail): ReportSection | null {
  const finished = detail.ablations.filter(({ state, rows }) => state === 'done' && rows.length > 0)
  if (finished.length === 0) return null
  return {
    id: 'ablations',
    title: 'Which adapters mattered',
    blocks: finished.map((ablation, index) => ablationFigure(detail, ablation, index)),
  }
}

function ablationFigure(detail: PlanDetail, { cell, n, full, rows }: Ablation, index: number): ReportBlock {
  const known = detail.cells.find(({ id }) => id === cell)
  const unit = unitOf(detail, known?.task ?? null)
  const where = known ? `${armLabel(detail, known.arm)}, ${placeWords(detail, known.task, known.budget ?? 'all')}` : cell
  const id = `ablation-${index + 1}-${slugOf(cell)}`
  const sorted = [...rows].sort((one, other) => one.difference.value - other.difference.value)
  const caption = `The merge without each of its adapters, ${where}`
  return figureBlock({
    id,
    title: `Which adapters mattered? ${where}`,
    note: `The merge without the adapter minus the whole merge${full === null ? '' : ` (${shownNumber(full, unit)})`}, coefficients of the others as they were; 95 % paired bootstrap intervals over ${n} test examples. Left of 0 the adapter helps.`,
    svg: intervalRows({
      ...{ id, title: caption, unit, of: 'differences', line: null, margin: null, labelWidth: 240 },
      description: sorted.map(({ name, difference }) => `without ${name}: ${shownChange(difference, unit)}`).join('; '),
      axis: unit === 'points' ? 'difference in points' : "difference in the metric's own unit",
      rows: sorted.map(({ name, difference }) => ({ label: name, interval: difference, look: lookOf(undefined), strong: false })),
    }),
    table: {
      caption,
      columns: columnsOf('Left out', '#Value without it', '#Difference (95 % interval)'),
      rows: sorted.map(({ name, value, difference }) => [name, shownNumber(value, unit), shownChange(difference, unit)]),
    },
    tableFirst: false,
  })
}

/** Which examples each arm gets right that another does not. Null where outcomes are not known. */
export function agreementSection({ detail, agreements, examples }: ReportInput): ReportSection | null {
  const known = agreements.filter(({ agreement }) => agreement.arms.length > 1)
  if (known.length === 0) return null
  return {
    id: 'agreement',
    title: 'Which examples each arm gets right',
    blocks: known.flatMap((entry) => [
      agreementFigure(detail, entry),
      ...examples.filter(({ task }) => task === entry.task).flatMap((placed) => exampleTable(detail, placed)),
    ]),
  }
}

/** Some of the examples that one arm alone gets right, with what others answered. */
function exampleTable(detail: PlanDetail, { task, budget, seed, arms }: PlacedExamples): readonly ReportBlock[] {
  const rows = arms.flatMap(({ arm, total, rows: shown }) =>
    shown.map(({ prompt, answer, byArm }) => [
      `${armLabel(detail, arm)} (${shown.length} of ${total})`,
      shortened(prompt),
      shortened(answer),
      shortened(othersIn(detail, arm, byArm)),
    ]),
  )
  const where = `${placeWords(detail, task, budget)}, seed ${seed}`
  if (rows.length === 0) return [{ kind: 'text', text: `No test example is right by one arm alone (${where}).` }]
  const caption = `Test examples that one arm alone gets right, ${where}`
  return [tableBlock({ caption, columns: columnsOf('Right', 'Prompt', 'Expected', 'What the others answered'), rows }, true)]
}

/** "b: Base model, TIES; c: Fresh LoRA". */
function othersIn(detail: PlanDetail, right: string, byArm: PlanOutcome['byArm']): string {
  const byAnswer = new Map<string, string[]>()
  for (const { arm, prediction } of byArm) {
    if (arm === right) continue
    const answer = prediction ?? 'no answer'
    byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), armLabel(detail, arm)])
  }
  return [...byAnswer].map(([answer, arms]) => `${answer}: ${arms.join(', ')}`).join('; ')
}

function shortened(text: string): string {
  const letters = [...text.trim().replaceAll(/\s+/g, ' ')]
  return letters.length <= mostLetters ? letters.join('') : `${letters.slice(0, mostLetters - 1).join('')}\u2026`
}

const mostLetters = 240

/** What each merge is made of. Null where no coefficients are known. */
export function contentsSection({ detail, contents }: ReportInput): ReportSection | null {
  const known = contents.filter(({ merges }) => merges.length > 0)
  if (known.length === 0) return null
  return { id: 'contents', title: 'What each merge is made of', blocks: known.map((entry) => contentsFigure(detail, entry)) }
}

function contentsFigure(detail: PlanDetail, { task, budget, seed, merges }: PlacedContents): ReportBlock {
  const where = `${placeWords(detail, task, budget)}, seed ${seed}`
  const labels = merges.map(({ arm }) => armLabel(detail, arm))
  const shareOf = (name: string): readonly (number | null)[] =>
    merges.map(({ adapters }) => {
      const shares = adapters.flatMap((adapter) => (adapter.name === name && adapter.share !== null ? [adapter.share] : []))
      return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0)
    })
  const largest = (name: string): number => Math.max(...shareOf(name).map((share) => share ?? 0))
  const names = [...new Set(merges.flatMap(({ adapters }) => adapters.map(({ name }) => name)))].sort(
    (one, other) => largest(other) - largest(one),
  )
  const values = names.map(shareOf)
  const id = `contents-${budget}-${seed}-${detail.file.tasks.indexOf(task) + 1}-${slugOf(task)}`
  const caption = `Share of each adapter in the merges, in per cent, ${where}`
  return figureBlock({
    id,
    title: `What is each merge made of? ${where}`,
    note: 'Share of each adapter in the sum of the norms of what the adapters contribute (coefficient times norm, over the modules), in per cent.',
    svg: heatMap({
      ...{ id, title: caption, rows: names, columns: labels, values, shown: (share: number) => shownNumber(share, 'points') },
      description: `${names.length} adapters by ${labels.length} merges; the table below holds the same numbers.`,
    }),
    table: {
      caption,
      columns: [...columnsOf('Adapter'), ...labels.map((label) => ({ label, numeric: true }))],
      rows: names.map((name, row) => [name, ...values[row]!.map((share) => (share === null ? '\u2013' : shownNumber(share, 'points')))]),
    },
    tableFirst: false,
  })
}

function agreementFigure(detail: PlanDetail, { task, budget, seed, agreement }: PlacedAgreement): ReportBlock {
  const { arms, n, right, onlyRow } = agreement
  const labels = arms.map((arm) => armLabel(detail, arm))
  const where = `${placeWords(detail, task, budget)}, seed ${seed}`
  const id = `agreement-${budget}-${seed}-${detail.file.tasks.indexOf(task) + 1}-${slugOf(task)}`
  const caption = `Test examples that the arm of the row gets right and that of the column does not, ${where}`
  const values = arms.map((_, row) => arms.map((_, column) => (row === column ? null : (onlyRow[row]?.[column] ?? null))))
  return figureBlock({
    id,
    title: `Do the arms get the same examples right? ${where}`,
    note: `Of ${n} test examples: how many the arm of the row gets right and that of the column does not.`,
    svg: heatMap({
      ...{ id, title: caption, rows: labels, columns: labels, values, shown: String },
      description: `${arms.length} by ${arms.length} arms; the table below holds the same numbers.`,
    }),
    table: {
      caption,
      columns: [...columnsOf('Arm', '#Right'), ...labels.map((label) => ({ label: `not ${label}`, numeric: true }))],
      rows: labels.map((label, row) => [
        label,
        String(right[row] ?? 0),
        ...values[row]!.map((value) => (value === null ? '\u2013' : String(value))),
      ]),
    },
    tableFirst: false,
  })
}
