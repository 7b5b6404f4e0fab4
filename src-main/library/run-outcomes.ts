import type Database from 'better-sqlite3'
import { outcomeOf, storedOutcomeColumns, type StoredOutcome } from './run-rows.ts'
import type { OutcomeFilter, OutcomesPage, OutcomesQuery } from './run-types.ts'

/** What each filter asks of an outcome o, and of the outcome t of the same question in the other run. */
const conditions: Readonly<Record<OutcomeFilter, string>> = {
  all: 'TRUE',
  right: 'o.correct = 1',
  wrong: 'o.correct = 0',
  'wrong-here-right-there': 'o.correct = 0 AND t.correct = 1',
  'right-here-wrong-there': 'o.correct = 1 AND t.correct = 0',
  differs: 't.run_seq IS NOT NULL AND (o.value IS NOT t.value OR o.prediction IS NOT t.prediction)',
}

/** Pages of a run's outcomes, in the order in which its examples were given, beside those of another run. */
export function createOutcomePages(db: Database.Database): (query: OutcomesQuery) => OutcomesPage {
  // SQLite's own comparison ignores the letter case of ASCII only.
  db.function('holds_text', { deterministic: true }, (text, sought) =>
    typeof text === 'string' && text.toLowerCase().includes(sought as string) ? 1 : 0,
  )
  const held = '(holds_text(q.prompt, @text) OR holds_text(q.answer, @text) OR holds_text(o.prediction, @text))'
  // Only what is asked for is joined: a run may have many outcomes, and a page shows few of them.
  const positions = (filter: OutcomeFilter, sought: boolean) => {
    const condition = conditions[filter]
    const pair = 'LEFT JOIN outcomes t ON t.question_id = o.question_id AND t.run_seq = (SELECT seq FROM runs WHERE id = @other)'
    return db
      .prepare<[object], number>(
        `SELECT o.position FROM outcomes o ${sought ? 'JOIN questions q ON q.question_id = o.question_id' : ''} ${condition.includes('t.') ? pair : ''}
         WHERE o.run_seq = (SELECT seq FROM runs WHERE id = @runId) AND ${condition} ${sought ? `AND ${held}` : ''} ORDER BY o.position`,
      )
      .pluck()
  }
  const finders = Object.fromEntries(
    Object.keys(conditions).map((filter) => {
      const known = filter as OutcomeFilter
      return [filter, { plain: positions(known, false), sought: positions(known, true) }]
    }),
  ) as Record<OutcomeFilter, Record<'plain' | 'sought', ReturnType<typeof positions>>>
  const here = db.prepare<[string, string], StoredOutcome>(
    `SELECT ${storedOutcomeColumns} FROM runs r JOIN outcomes o ON o.run_seq = r.seq JOIN questions q ON q.question_id = o.question_id
     WHERE r.id = ? AND o.position IN (SELECT value FROM json_each(?)) ORDER BY o.position`,
  )
  const there = db.prepare<[string, string], StoredOutcome>(
    // A cross join keeps the order: without it the whole other run would be looked through.
    `SELECT ${storedOutcomeColumns} FROM json_each(?) asked CROSS JOIN questions q ON q.question_id = asked.value
     CROSS JOIN outcomes o ON o.question_id = q.question_id AND o.run_seq = (SELECT seq FROM runs WHERE id = ?)`,
  )

  return ({ runId, other, filter, text, offset, limit }) => {
    const sought = text.trim().toLowerCase()
    const found = finders[filter][sought === '' ? 'plain' : 'sought'].all({ runId, other, text: sought })
    const rows = here.all(runId, JSON.stringify(found.slice(offset, offset + limit)))
    const beside = new Map<number, StoredOutcome>()
    if (other !== null) {
      const asked = rows.map(({ question_id: id }) => id)
      for (const row of there.all(JSON.stringify(asked), other)) beside.set(row.question_id, row)
    }
    return {
      rows: rows.map((row) => {
        const pair = beside.get(row.question_id)
        return { here: outcomeOf(row), there: pair ? outcomeOf(pair) : null }
      }),
      total: found.length,
    }
  }
}
