import { createHash } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { CellResult, PlanCell } from '../contract/plan-run.ts'
import { packFloats, unpackFloats } from './pack-floats.ts'
import type { CellPatch, CellValues, PlanStore } from './plan-types.ts'

interface CellRow {
  readonly cell: string
  readonly arm: string
  readonly task: string
  readonly budget: string | null
  readonly seed: number | null
  readonly needs: string
  readonly state: string
  readonly job_id: string | null
  readonly adapter_id: string | null
  readonly adapter_name: string | null
  readonly value: number | null
  readonly n: number
  readonly cost: string | null
  readonly app_version: string | null
  readonly problems: string
}

interface ResultRow {
  readonly example_ids: string
  readonly packed_values: Buffer
  readonly predictions: string
  readonly facts: string
}

/** What a result says besides its outcomes. */
type Facts = Omit<CellResult, 'exampleIds' | 'values' | 'predictions'>

type CellRequests = Pick<PlanStore, 'cells' | 'patchCell' | 'setResult' | 'result' | 'values' | 'predictions'>

/** The part of PlanStore that is about cells. */
export interface PlanCellStore {
  /** Puts the cells of a new plan down, inside the caller's transaction. */
  insert(id: string, cells: Parameters<PlanStore['insert']>[1]): void
  readonly requests: CellRequests
}

/** Columns that a field of a cell is stored in, and how. */
const columns: { readonly [K in keyof Required<CellPatch>]: readonly [name: string, store: (value: unknown) => unknown] } = {
  state: ['state', (value) => value],
  jobId: ['job_id', (value) => value],
  adapterId: ['adapter_id', (value) => value],
  adapterName: ['adapter_name', (value) => value],
  problems: ['problems', JSON.stringify],
}

/** The cells of the plans of `db`, and what they gave. */
export function createPlanCellStore(db: Database.Database): PlanCellStore {
  const planSeq = '(SELECT seq FROM plans WHERE id = @id)'
  const insert = db.prepare(
    `INSERT INTO plan_cells (plan_seq, cell, arm, task, budget, seed, needs) VALUES (${planSeq}, @cell, @arm, @task, @budget, @seed, @needs)`,
  )
  const listed = db.prepare<[object], CellRow>(
    `SELECT cell, arm, task, budget, seed, needs, state, job_id, adapter_id, adapter_name, value, n, cost, app_version, problems
     FROM plan_cells WHERE plan_seq = ${planSeq} AND (@task IS NULL OR task = @task) ORDER BY cell_seq`,
  )
  const oneCell = db.prepare<[object], { cellSeq: number; state: string }>(
    `SELECT cell_seq AS cellSeq, state FROM plan_cells WHERE plan_seq = ${planSeq} AND cell = @cell`,
  )
  const setters = new Map(
    Object.entries(columns).map(([field, [name, store]]) => [
      field,
      { statement: db.prepare(`UPDATE plan_cells SET ${name} = ? WHERE cell_seq = ?`), store },
    ]),
  )
  const grow = db.prepare('UPDATE plans SET revision = revision + 1 WHERE id = ?')
  const addList = db.prepare(
    `INSERT OR IGNORE INTO plan_example_lists (plan_seq, hash, example_ids) VALUES (${planSeq}, @hash, @exampleIds)`,
  )
  const listId = db.prepare<[object], number>(`SELECT list_id FROM plan_example_lists WHERE plan_seq = ${planSeq} AND hash = @hash`).pluck()
  const setValues = db.prepare('INSERT OR REPLACE INTO plan_results (cell_seq, list_id, packed_values) VALUES (?, ?, ?)')
  const setAnswers = db.prepare('INSERT OR REPLACE INTO plan_answers (cell_seq, predictions, facts) VALUES (?, ?, ?)')
  const finish = db.prepare(
    `UPDATE plan_cells SET state = 'done', value = @value, n = @n, cost = @cost, app_version = @appVersion, problems = @problems,
     adapter_name = @adapterName WHERE cell_seq = @cellSeq`,
  )
  const place = db.prepare('UPDATE plan_cells SET adapter_id = @adapterId, job_id = @jobId WHERE cell_seq = @cellSeq')
  const stored = db.prepare<[object], ResultRow>(
    `SELECT l.example_ids, r.packed_values, a.predictions, a.facts
     FROM plan_cells c JOIN plan_results r ON r.cell_seq = c.cell_seq JOIN plan_answers a ON a.cell_seq = c.cell_seq
     JOIN plan_example_lists l ON l.list_id = r.list_id WHERE c.plan_seq = ${planSeq} AND c.cell = @cell`,
  )
  const lists = db.prepare<[object], { listId: number; exampleIds: string }>(
    `SELECT list_id AS listId, example_ids AS exampleIds FROM plan_example_lists WHERE plan_seq = ${planSeq}`,
  )
  // Rows as lists: a plan has thousands of cells.
  const values = db
    .prepare<[object], readonly [cell: string, listId: number, values: Buffer]>(
      `SELECT c.cell, r.list_id, r.packed_values FROM plan_cells c JOIN plan_results r ON r.cell_seq = c.cell_seq
       WHERE c.plan_seq = ${planSeq} AND c.state = 'done' AND (@cells IS NULL OR c.cell IN (SELECT value FROM json_each(@cells)))
       ORDER BY c.cell_seq`,
    )
    .raw()
  const predictions = db
    .prepare<[object], string>(
      `SELECT a.predictions FROM plan_cells c JOIN plan_answers a ON a.cell_seq = c.cell_seq WHERE c.plan_seq = ${planSeq} AND c.cell = @cell`,
    )
    .pluck()

  function cellOf(id: string, cell: string): { readonly cellSeq: number; readonly state: string } {
    const found = oneCell.get({ id, cell })
    if (!found) throw new Error(`the plan ${id} has no cell ${cell}`)
    return found
  }

  function keepList(id: string, exampleIds: readonly string[]): number {
    const text = JSON.stringify(exampleIds)
    const hash = createHash('sha256').update(text).digest('hex')
    addList.run({ id, hash, exampleIds: text })
    return listId.get({ id, hash })!
  }

  const requests: CellRequests = {
    cells: (id, task) => listed.all({ id, task: task ?? null }).map(planCellOf),
    patchCell: (id, cell, patch) =>
      db
        .transaction(() => {
          const { cellSeq, state } = cellOf(id, cell)
          for (const [field, value] of Object.entries(patch)) {
            const setter = setters.get(field)
            if (setter && value !== undefined) setter.statement.run(setter.store(value), cellSeq)
          }
          if (patch.state !== undefined && (patch.state === 'done') !== (state === 'done')) grow.run(id)
        })
        .immediate(),
    setResult: (id, { exampleIds, values: given, predictions: answers, ...facts }, at) =>
      db
        .transaction(() => {
          const { cellSeq } = cellOf(id, facts.cell)
          setValues.run(cellSeq, keepList(id, exampleIds), packFloats(given))
          setAnswers.run(cellSeq, JSON.stringify(answers), JSON.stringify(facts))
          const value = given.length === 0 ? null : given.reduce((sum, one) => sum + one, 0) / given.length
          const texts = { cost: JSON.stringify(facts.cost), problems: JSON.stringify(facts.problems) }
          finish.run({ cellSeq, value, n: given.length, appVersion: facts.appVersion, adapterName: facts.adapter?.name ?? null, ...texts })
          if (at) place.run({ cellSeq, ...at })
          grow.run(id)
        })
        .immediate(),
    result(id, cell) {
      const row = stored.get({ id, cell })
      if (!row) return null
      return {
        ...(JSON.parse(row.facts) as Facts),
        exampleIds: JSON.parse(row.example_ids) as string[],
        values: [...unpackFloats(row.packed_values)],
        predictions: JSON.parse(row.predictions) as (string | null)[],
      }
    },
    values(id, cells) {
      const byList = new Map(lists.all({ id }).map((row) => [row.listId, JSON.parse(row.exampleIds) as string[]]))
      return new Map(
        values
          .all({ id, cells: cells ? JSON.stringify(cells) : null })
          .map(([cell, list, packed]): [string, CellValues] => [cell, { exampleIds: byList.get(list)!, values: unpackFloats(packed) }]),
      )
    },
    predictions: (id, cells) =>
      new Map(
        cells.flatMap((cell): [string, readonly (string | null)[]][] => {
          const text = predictions.get({ id, cell })
          return text === undefined ? [] : [[cell, JSON.parse(text) as (string | null)[]]]
        }),
      ),
  }
  return {
    insert(id, cells) {
      for (const { id: cell, arm, task, budget, seed, needs } of cells) {
        insert.run({ id, cell, arm, task, budget: budget === null ? null : String(budget), seed, needs: JSON.stringify(needs) })
      }
    },
    requests,
  }
}

function planCellOf(row: CellRow): PlanCell {
  // What a cell gave before it was run again counts no more.
  const isDone = row.state === 'done'
  return {
    id: row.cell,
    arm: row.arm,
    task: row.task,
    budget: row.budget === null ? null : row.budget === 'all' ? 'all' : Number(row.budget),
    seed: row.seed,
    needs: parsedList<string>(row.needs),
    state: row.state as PlanCell['state'],
    jobId: row.job_id,
    adapterId: row.adapter_id,
    adapterName: row.adapter_name,
    value: isDone ? row.value : null,
    n: isDone ? row.n : 0,
    cost: isDone && row.cost !== null ? (JSON.parse(row.cost) as PlanCell['cost']) : null,
    appVersion: isDone ? row.app_version : null,
    problems: parsedList<PlanCell['problems'][number]>(row.problems),
  }
}

/** Most lists are empty, and a plan has thousands of cells. */
function parsedList<Item>(text: string): Item[] {
  return text === '[]' ? [] : (JSON.parse(text) as Item[])
}
