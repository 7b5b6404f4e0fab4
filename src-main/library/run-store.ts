import { createHash, randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { MetricId } from '../contract/metrics.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { unknownBase } from './find-base.ts'
import { shortened } from './find-seqs.ts'
import { createDifferences } from './run-differences.ts'
import { createOutcomePages } from './run-outcomes.ts'
import { createResults } from './run-results.ts'
import { runOf, storedRunColumns, type StoredRun } from './run-rows.ts'
import { createRunSummaries, intervalKindOf } from './run-summary.ts'
import type { NewOutcome, NewRun, RunStore } from './run-types.ts'
import { createWholeRuns } from './run-whole.ts'

export type { NewOutcome, NewRun, RunStore } from './run-types.ts'

/** The share of earlier measurements that is left in a device's rate when a new one comes. */
const rateMemory = 0.5

/** The runs of `db`. */
export function createRunStore(db: Database.Database, now: () => Date): RunStore {
  const summaries = createRunSummaries(db)
  const difference = createDifferences(db)
  const find = (where: string) => db.prepare<[string], StoredRun>(`SELECT ${storedRunColumns} FROM runs r WHERE ${where}`)
  const byId = find('r.id = ?')
  const byKey = find('r.key = ?')
  const filtered = db.prepare<[object], StoredRun>(
    `SELECT ${storedRunColumns} FROM runs r WHERE (@baseId IS NULL OR r.base_id = @baseId) AND (@taskId IS NULL OR r.task_id = @taskId)
     AND (@split IS NULL OR r.split = @split) AND (@subjectKey IS NULL OR r.subject_key = @subjectKey) ORDER BY r.seq`,
  )
  const hasBase = db.prepare('SELECT 1 FROM base_models WHERE id = ?')
  const addList = db.prepare('INSERT OR IGNORE INTO example_lists (hash, ids) VALUES (?, ?)')
  const listOf = db.prepare<[string], { list_id: number }>('SELECT list_id FROM example_lists WHERE hash = ?')
  const listedIds = db.prepare<[string], { ids: string }>(
    'SELECT l.ids FROM runs r JOIN example_lists l ON l.list_id = r.list_id WHERE r.id = ?',
  )
  const insert = db.prepare(
    `INSERT INTO runs (id, key, base_id, task_id, task_hash, split, budget, metric, subject_key, subject, list_id, n, skipped, interval_kind,
       provenance, created_at)
     VALUES (@id, @key, @baseId, @taskId, @taskHash, @split, @budget, @metric, @subjectKey, @subject, @list, @n, @skipped, @intervalKind,
       @provenance, @createdAt)`,
  )
  const rename = db.prepare('UPDATE runs SET subject = ? WHERE seq = ?')
  const answered = db.prepare<[string], string>(
      `SELECT q.example_id FROM runs r JOIN outcomes o ON o.run_seq = r.seq JOIN questions q ON q.question_id = o.question_id WHERE r.id = ?`,
    ).pluck() // prettier-ignore
  const addQuestion = db.prepare('INSERT OR IGNORE INTO questions (hash, example_id, prompt, answer) VALUES (?, ?, ?, ?)')
  const questionOf = db.prepare<[string], { question_id: number }>('SELECT question_id FROM questions WHERE hash = ?')
  const addOutcome = db.prepare(
    `INSERT INTO outcomes (run_seq, position, question_id, value, weight, correct, log_likelihood, problem, prediction, choices)
     VALUES (@run, @position, @question, @value, @weight, @correct, @logLikelihood, @problem, @prediction, @choices) ON CONFLICT DO NOTHING`,
  )
  const close = db.prepare('UPDATE runs SET finished_at = ? WHERE seq = ? AND finished_at IS NULL AND done >= n')
  const forget = db.prepare('DELETE FROM runs WHERE id = ?')
  const forgetUnused = createForgetUnused(db)
  const rateOf = db.prepare<[string, string], { tokens: number; seconds: number }>(
    'SELECT tokens, seconds FROM rates WHERE device = ? AND base_id = ?',
  )
  const putRate = db.prepare(
    `INSERT INTO rates (device, base_id, tokens, seconds) SELECT @device, @baseId, @tokens, @seconds
     WHERE EXISTS (SELECT 1 FROM base_models WHERE id = @baseId)
     ON CONFLICT (device, base_id) DO UPDATE SET tokens = tokens * @memory + @tokens, seconds = seconds * @memory + @seconds`,
  )

  const doneOf = (id: string): ReadonlySet<string> => new Set(answered.all(id))

  function make(run: NewRun): string {
    if (!hasBase.get(run.baseId)) throw new Refusal([unknownBase(run.baseId, [])])
    const exampleIds = [...new Set(run.exampleIds)]
    const ids = JSON.stringify(exampleIds)
    const hash = createHash('sha256').update(ids).digest('hex')
    addList.run(hash, ids)
    const id = randomBytes(6).toString('hex')
    insert.run({
      id,
      key: run.key,
      baseId: run.baseId,
      taskId: run.taskId,
      taskHash: run.taskHash,
      split: run.split,
      budget: run.budget,
      metric: run.metric,
      subjectKey: run.subject.key,
      subject: JSON.stringify(run.subject),
      list: listOf.get(hash)!.list_id,
      n: exampleIds.length,
      skipped: run.skipped,
      intervalKind: intervalKindOf(run.metric),
      provenance: JSON.stringify(run.provenance),
      createdAt: now().toISOString(),
    })
    return id
  }

  function add(seq: number, { exampleId, prompt, answer, ...outcome }: NewOutcome): void {
    const hash = createHash('sha256')
      .update(JSON.stringify([exampleId, prompt, answer]))
      .digest('hex')
    addQuestion.run(hash, exampleId, prompt, answer)
    addOutcome.run({
      ...outcome,
      run: seq,
      question: questionOf.get(hash)!.question_id,
      correct: outcome.correct === null ? null : Number(outcome.correct),
      choices: outcome.choices === null ? null : JSON.stringify(outcome.choices),
    })
  }

  return {
    begin: (run) =>
      db
        .transaction(() => {
          const known = byKey.get(run.key)
          if (known) rename.run(JSON.stringify(run.subject), known.seq)
          const id = known?.id ?? make(run)
          return { id, done: doneOf(id) }
        })
        .immediate(),
    addOutcomes: (runId, outcomes) =>
      db
        .transaction(() => {
          const run = byId.get(runId)
          if (!run) throw new Refusal([unknownRun(runId)])
          for (const outcome of outcomes) add(run.seq, outcome)
          summaries.refresh(run.seq, run.metric as MetricId)
          // At once: a process that dies now leaves no run that is complete and not finished.
          close.run(now().toISOString(), run.seq)
        })
        .immediate(),
    async finish(runId) {
      const run = byId.get(runId)
      if (!run) return
      await summaries.bootstrap(run.seq, run.metric as MetricId)
      // A run without examples has no last one.
      close.run(now().toISOString(), run.seq)
    },
    byKey: (key) => found(byKey.get(key)),
    get: (id) => found(byId.get(id)),
    whole: createWholeRuns(db),
    list: ({ baseId = null, taskId = null, split = null, subjectKey = null } = {}) =>
      filtered.all({ baseId, taskId, split, subjectKey }).map(runOf),
    exampleIds(id) {
      const listed = listedIds.get(id)
      return listed ? (JSON.parse(listed.ids) as string[]) : []
    },
    done: doneOf,
    remove: (ids) =>
      db
        .transaction(() => {
          const problems = [...new Set(ids)].flatMap((id): Problem[] => (forget.run(id).changes > 0 ? [] : [unknownRun(id)]))
          forgetUnused()
          return problems
        })
        .immediate(),
    results: createResults(db, summaries, difference),
    outcomes: createOutcomePages(db),
    async difference(id, baselineId) {
      const run = byId.get(id)
      const baseline = byId.get(baselineId)
      return run && baseline && run.metric === baseline.metric ? difference(run, baseline) : null
    },
    noteRate(device, baseId, tokens, seconds) {
      if (tokens > 0 && seconds > 0) putRate.run({ device, baseId, tokens, seconds, memory: rateMemory })
    },
    rate(device, baseId) {
      const known = rateOf.get(device, baseId)
      return known ? known.tokens / known.seconds : null
    },
  }
}

/** Drops questions and lists of examples that no run needs any more. */
export function createForgetUnused(db: Database.Database): () => void {
  const questions = db.prepare(
    'DELETE FROM questions WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.question_id = questions.question_id)',
  )
  const lists = db.prepare('DELETE FROM example_lists WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.list_id = example_lists.list_id)')
  return () => {
    questions.run()
    lists.run()
  }
}

function found(row: StoredRun | undefined) {
  return row ? runOf(row) : null
}

/** The problem of an id that names no run. */
export function unknownRun(id: string): Problem {
  return errorProblem('run-unknown', `There is no run with the id "${shortened(id)}".`, {
    where: { field: 'id', value: shortened(id) },
    hint: 'It may have been removed, alone or with its base model. Evaluate again.',
  })
}
