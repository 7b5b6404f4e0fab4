import type Database from 'better-sqlite3'
import type { Ablation, PlanState, PlanSummary } from '../contract/plan-run.ts'
import { createPlanCellStore } from './plan-cell-store.ts'
import { createPlanTaskStore } from './plan-task-store.ts'
import type { PlanPatch, PlanStore, StoredComparison, StoredPlan } from './plan-types.ts'

export type { CellPatch, CellValues, PlanPatch, PlanStore, StoredComparison, StoredPlan } from './plan-types.ts'

interface PlanRow {
  readonly seq: number
  readonly id: string
  readonly file: string
  readonly state: string
  readonly base_name: string
  readonly created_at: string
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly archived: number
  readonly baseline: string | null
  readonly headline: string | null
  readonly process: string | null
  readonly provenance: string
  readonly imported_from: string | null
  readonly problems: string
}

interface CountRow {
  readonly plan_seq: number
  readonly state: string
  readonly count: number
}

const asIs = (value: unknown): unknown => value

/** Columns that a field of a plan is stored in, and how. */
const columns: { readonly [K in keyof Required<PlanPatch>]: readonly [name: string, store: (value: unknown) => unknown] } = {
  state: ['state', asIs],
  baseName: ['base_name', asIs],
  startedAt: ['started_at', asIs],
  endedAt: ['ended_at', asIs],
  archived: ['archived', Number],
  baseline: ['baseline', asIs],
  headline: ['headline', asIs],
  process: ['process', asIs],
  provenance: ['provenance', JSON.stringify],
  problems: ['problems', JSON.stringify],
}

/** The plans of `db`. */
export function createPlanStore(db: Database.Database): PlanStore {
  const insert = db.prepare(
    `INSERT INTO plans (id, file, state, base_name, created_at, started_at, ended_at, archived, baseline, headline, process, provenance, imported_from, problems)
     VALUES (@id, @file, @state, @baseName, @createdAt, @startedAt, @endedAt, @archived, @baseline, @headline, @process, @provenance, @importedFrom, @problems)`,
  )
  const byId = db.prepare<[string], PlanRow>('SELECT * FROM plans WHERE id = ?')
  const all = db.prepare<[], PlanRow>('SELECT * FROM plans ORDER BY seq DESC')
  const counts = db.prepare<[], CountRow>('SELECT plan_seq, state, count(*) AS count FROM plan_cells GROUP BY plan_seq, state')
  const setters = new Map(
    Object.entries(columns).map(([field, [name, store]]) => [
      field,
      { statement: db.prepare(`UPDATE plans SET ${name} = ? WHERE id = ?`), store },
    ]),
  )
  const remove = db.prepare('DELETE FROM plans WHERE id IN (SELECT value FROM json_each(?))')
  const comparison = db.prepare<[string, string], { key: string; comparisons: string; problems: string }>(
    'SELECT key, comparisons, problems FROM plan_comparisons WHERE plan_seq = (SELECT seq FROM plans WHERE id = ?) AND baseline = ?',
  )
  const setComparison = db.prepare(
    `INSERT OR REPLACE INTO plan_comparisons (plan_seq, baseline, key, comparisons, problems)
     SELECT seq, @baseline, @key, @comparisons, @problems FROM plans WHERE id = @id`,
  )
  const revision = db.prepare<[string], number>('SELECT revision FROM plans WHERE id = ?').pluck()
  const ablations = db
    .prepare<[string], string>('SELECT ablation FROM plan_ablations WHERE plan_seq = (SELECT seq FROM plans WHERE id = ?) ORDER BY rowid')
    .pluck()
  const setAblation = db.prepare(
    `INSERT INTO plan_ablations (plan_seq, cell, ablation) SELECT seq, @cell, @ablation FROM plans WHERE id = @id
     ON CONFLICT (plan_seq, cell) DO UPDATE SET ablation = @ablation`,
  )
  const cells = createPlanCellStore(db)

  return {
    insert: (plan, planCells) =>
      db
        .transaction(() => {
          insert.run({
            ...plan,
            file: JSON.stringify(plan.file),
            archived: Number(plan.archived),
            provenance: JSON.stringify(plan.provenance),
            importedFrom: plan.importedFrom === null ? null : JSON.stringify(plan.importedFrom),
            problems: JSON.stringify(plan.problems),
          })
          cells.insert(plan.id, planCells)
        })
        .immediate(),
    list() {
      const bySeq = Map.groupBy(counts.all(), (row) => row.plan_seq)
      return all.all().map((row) => summaryOf(row, bySeq.get(row.seq) ?? []))
    },
    get(id) {
      const row = byId.get(id)
      return row ? planOf(row) : null
    },
    patch: (id, patch) =>
      db
        .transaction(() => {
          for (const [field, value] of Object.entries(patch)) {
            const setter = setters.get(field)
            if (setter && value !== undefined) setter.statement.run(setter.store(value), id)
          }
        })
        .immediate(),
    remove: (ids) => void remove.run(JSON.stringify(ids)),
    ...cells.requests,
    ...createPlanTaskStore(db),
    revision: (id) => revision.get(id) ?? 0,
    comparison(id, baseline) {
      const row = comparison.get(id, baseline)
      if (!row) return null
      const problems = JSON.parse(row.problems) as StoredComparison['problems']
      return { key: row.key, comparisons: JSON.parse(row.comparisons) as StoredComparison['comparisons'], problems }
    },
    setComparison: (id, baseline, { key, comparisons, problems }) =>
      void setComparison.run({ id, baseline, key, comparisons: JSON.stringify(comparisons), problems: JSON.stringify(problems) }),
    ablations: (id) => ablations.all(id).map((text) => JSON.parse(text) as Ablation),
    setAblation: (id, ablation) => void setAblation.run({ id, cell: ablation.cell, ablation: JSON.stringify(ablation) }),
  }
}

function planOf(row: PlanRow): StoredPlan {
  return {
    id: row.id,
    file: JSON.parse(row.file) as StoredPlan['file'],
    state: row.state as PlanState,
    baseName: row.base_name,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    archived: row.archived === 1,
    baseline: row.baseline,
    headline: row.headline,
    process: row.process,
    provenance: JSON.parse(row.provenance) as StoredPlan['provenance'],
    importedFrom: row.imported_from === null ? null : (JSON.parse(row.imported_from) as StoredPlan['importedFrom']),
    problems: JSON.parse(row.problems) as StoredPlan['problems'],
  }
}

function summaryOf(row: PlanRow, counts: readonly CountRow[]): PlanSummary {
  const { id, file, state, createdAt, endedAt, archived, baseName, headline } = planOf(row)
  const countOf = (wanted: string): number => counts.find((count) => count.state === wanted)?.count ?? 0
  return {
    ...{ id, title: file.title, preset: file.preset, state, createdAt, endedAt, archived, baseName, headline },
    tasks: [...file.tasks],
    done: countOf('done'),
    failed: countOf('failed'),
    total: counts.reduce((sum, { count }) => sum + count, 0),
  }
}
