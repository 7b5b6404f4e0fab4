import type Database from 'better-sqlite3'
import type { Adaptation, AdaptationDetail, AdaptInput } from '../contract/adapt.ts'
import { restartableStates } from '../contract/job.ts'
import type { AdaptationPatch, AdaptationStore } from './adaptation-types.ts'

export type { AdaptationPatch, AdaptationStore, NewAdaptation } from './adaptation-types.ts'

interface ListedRow {
  readonly job_id: string
  readonly group_id: string | null
  readonly input: string
  readonly params: string
  readonly done: number
  readonly total: number
  readonly chosen_step: number | null
  readonly start_loss: number | null
  readonly chosen_loss: number | null
  readonly no_validation: number
  readonly title: string
  readonly state: string
  readonly created_at: string
  readonly result_adapter_id: string | null
}

interface StoredRow extends ListedRow {
  readonly selection: string
  readonly curve: string
  readonly trials: string
  readonly coefficients: string | null
  readonly facts: string
  readonly problems: string
}

/** Fields without a column of their own. */
type Facts = Pick<
  AdaptationDetail,
  | 'method'
  | 'stopped'
  | 'stoppedText'
  | 'chosenTrial'
  | 'form'
  | 'check'
  | 'trainExamples'
  | 'validationExamples'
  | 'skipped'
  | 'cost'
  | 'provenance'
>
const noFacts: Facts = {
  method: null,
  stopped: null,
  stoppedText: null,
  chosenTrial: null,
  form: null,
  check: null,
  trainExamples: 0,
  validationExamples: 0,
  skipped: 0,
  cost: { tokens: 0, seconds: 0, device: '', examples: 0, scoredAdapters: 0 },
  provenance: {},
}

/** Columns that a field is stored in as it is, and how. */
const columns: {
  readonly [K in Exclude<keyof AdaptationPatch, keyof Facts>]: readonly [name: string, store: (value: unknown) => unknown]
} = {
  done: ['done', (value) => value],
  total: ['total', (value) => value],
  chosenStep: ['chosen_step', (value) => value],
  startLoss: ['start_loss', (value) => value],
  chosenLoss: ['chosen_loss', (value) => value],
  noValidation: ['no_validation', Number],
  selection: ['selection', JSON.stringify],
  curve: ['curve', JSON.stringify],
  trials: ['trials', JSON.stringify],
  coefficients: ['coefficients', (value) => (value === null ? null : JSON.stringify(value))],
}

/** The adaptations of `db`. */
export function createAdaptationStore(db: Database.Database): AdaptationStore {
  const listed = `d.job_id, d.group_id, d.input, d.params, d.done, d.total, d.chosen_step, d.start_loss, d.chosen_loss, d.no_validation,
    j.title, j.state, j.created_at, j.result_adapter_id`
  const from = 'FROM adaptations d JOIN jobs j ON j.id = d.job_id'
  const byJob = db.prepare<[string], StoredRow>(
    `SELECT ${listed}, d.selection, d.curve, d.trials, d.coefficients, d.facts, j.problems ${from} WHERE d.job_id = ?`,
  )
  const filtered = db.prepare<[object], ListedRow>(
    `SELECT ${listed} ${from} WHERE (@taskId IS NULL OR d.task_id = @taskId) AND (@baseId IS NULL OR d.base_id = @baseId) ORDER BY j.seq DESC`,
  )
  const insert = db.prepare(
    `INSERT INTO adaptations (job_id, group_id, base_id, task_id, input, params, total)
     VALUES (@jobId, @group, @baseId, @taskId, @input, @params, @total)
     ON CONFLICT (job_id) DO UPDATE SET params = @params, total = @total`,
  )
  const factsOf = db.prepare<[string], string>('SELECT facts FROM adaptations WHERE job_id = ?').pluck()
  const setFacts = db.prepare('UPDATE adaptations SET facts = ? WHERE job_id = ?')
  const setters = new Map(
    Object.values(columns).map(([name]) => [name, db.prepare(`UPDATE adaptations SET ${name} = ? WHERE job_id = ?`)] as const),
  )
  const kept = db
    .prepare<[string], string>(
      `SELECT DISTINCT j.fingerprint ${from} WHERE j.fingerprint IS NOT NULL AND j.state IN (SELECT value FROM json_each(?))`,
    )
    .pluck()

  return {
    begin({ jobId, input, group, params, total }) {
      const texts = { input: JSON.stringify(input), params: JSON.stringify(params) }
      insert.run({ jobId, group, baseId: input.baseId, taskId: input.taskId, total, ...texts })
    },
    update: (jobId, patch) =>
      db
        .transaction(() => {
          const facts: Record<string, unknown> = {}
          for (const [field, value] of Object.entries(patch)) {
            const column = (columns as Record<string, (typeof columns)['done'] | undefined>)[field]
            if (column) setters.get(column[0])!.run(column[1](value), jobId)
            else facts[field] = value
          }
          if (Object.keys(facts).length === 0) return
          const known = factsOf.get(jobId)
          if (known !== undefined) setFacts.run(JSON.stringify({ ...(JSON.parse(known) as Partial<Facts>), ...facts }), jobId)
        })
        .immediate(),
    input(jobId) {
      const row = byJob.get(jobId)
      return row ? (JSON.parse(row.input) as AdaptInput) : null
    },
    get(jobId) {
      const row = byJob.get(jobId)
      return row ? detailOf(row) : null
    },
    list: ({ taskId = null, baseId = null } = {}) => filtered.all({ taskId, baseId }).map(adaptationOf),
    keptFingerprints: () => kept.all(JSON.stringify(['queued', 'running', 'stopping', ...restartableStates])),
  }
}

function adaptationOf(row: ListedRow): Adaptation {
  const { arm, control, baseId, taskId, budget, preset, seed } = JSON.parse(row.input) as AdaptInput
  return {
    ...{ arm, control, baseId, taskId, budget, preset, seed },
    jobId: row.job_id,
    title: row.title,
    group: row.group_id,
    params: JSON.parse(row.params) as Adaptation['params'],
    state: row.state,
    createdAt: row.created_at,
    adapterId: row.result_adapter_id,
    done: row.done,
    total: row.total,
    chosenStep: row.chosen_step,
    startLoss: row.start_loss,
    chosenLoss: row.chosen_loss,
    noValidation: row.no_validation === 1,
  }
}

function detailOf(row: StoredRow): AdaptationDetail {
  const facts = { ...noFacts, ...(JSON.parse(row.facts) as Partial<Facts>) }
  return {
    ...adaptationOf(row),
    ...facts,
    ownId: (JSON.parse(row.input) as AdaptInput).ownId,
    selection: JSON.parse(row.selection) as AdaptationDetail['selection'],
    curve: JSON.parse(row.curve) as AdaptationDetail['curve'],
    trials: JSON.parse(row.trials) as AdaptationDetail['trials'],
    coefficients: row.coefficients === null ? null : (JSON.parse(row.coefficients) as AdaptationDetail['coefficients']),
    problems: JSON.parse(row.problems) as AdaptationDetail['problems'],
  }
}
