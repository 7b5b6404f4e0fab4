import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { runRowSchema, runsQuerySchema, type RunsQuery } from '../../../src-main/contract/runs-list.ts'
import type { Library } from '../../../src-main/library/open-library.ts'
import { archiveRuns, listRuns, rowsOf } from '../../../src-main/plans/list-runs.ts'
import { outcomeAt, runOn, tinyBase } from '../library/run-support.ts'
import { addAdaptation, addPlan, openRuns, planFile } from './runs-bench.ts'

function query(given: Partial<v.InferInput<typeof runsQuerySchema>> = {}): RunsQuery {
  return v.parse(runsQuerySchema, { offset: 0, limit: 100, ...given })
}
const ids = (library: Library, given: Parameters<typeof query>[0] = {}): readonly string[] =>
  listRuns(query(given), library).rows.map(({ id }) => id)

/** A plan, an adaptation, and two evaluations of which one is complete. */
function filled(): { readonly library: Library; readonly baseId: string; readonly full: string; readonly part: string } {
  let hour = 10
  const library = openRuns(() => new Date(`2026-11-21T${(hour += 1)}:00:00.000Z`))
  const { id: baseId } = library.bases.add(tinyBase())
  addPlan(library, 'plan')
  addAdaptation(library, 'job', { baseId })
  const { id: full } = library.runs.begin(runOn(baseId, 'reviews', 'wide'))
  library.runs.addOutcomes(full, [0, 1, 2, 3].map((place) => outcomeAt(place, place > 0))) // prettier-ignore
  const { id: part } = library.runs.begin(runOn(baseId, 'topics', 'base'))
  library.runs.addOutcomes(part, [outcomeAt(0, false)])
  return { library, baseId, full, part }
}

describe('the list of runs', () => {
  test('joins plans, evaluations and adaptations, newest first', () => {
    const { library, full, part } = filled()
    const { rows, total } = listRuns(query(), library)
    expect(total).toBe(4)
    expect(rows.map(({ kind, id }) => [kind, id])).toEqual([['evaluation', part], ['evaluation', full], ['plan', 'plan'], ['adaptation', 'job']]) // prettier-ignore
    for (const row of rows) expect(v.is(runRowSchema, row)).toBe(true)
    expect(rows[1]).toMatchObject({ title: 'wide', task: 'reviews', base: 'tiny', state: 'done', value: 0.75, n: 4, metric: 'exact_match' })
    expect(rows[0]).toMatchObject({ title: 'base', state: 'partial', value: 0, n: 4 })
    expect(rows[2]).toMatchObject({ title: 'Reviews and topics', task: 'reviews, topics', base: 'tiny', state: 'done', value: null })
    expect(rows[3]).toMatchObject({ title: 'Tune job', task: 'reviews', base: 'tiny', state: 'done', pinned: false, archived: false })
  })

  test('is searched by words that must all occur, in any place', () => {
    const { library, full, part } = filled()
    expect(ids(library, { text: 'TINY  reviews' })).toEqual([full, 'plan', 'job'])
    expect(ids(library, { text: 'partial' })).toEqual([part])
    expect(ids(library, { text: 'reviews wide topics' })).toEqual([])
  })

  test('is filtered by kind, task and base model', () => {
    const { library, baseId, full, part } = filled()
    const other = library.bases.add(tinyBase('/models/other')).id
    const elsewhere = library.runs.begin(runOn(other, 'sums', 'base', { key: 'elsewhere' })).id
    expect(ids(library, { kinds: ['evaluation'] })).toEqual([elsewhere, part, full])
    expect(ids(library, { kinds: ['plan', 'adaptation'] })).toEqual(['plan', 'job'])
    expect(ids(library, { taskId: 'topics' })).toEqual([part, 'plan'])
    expect(ids(library, { baseId })).toEqual([part, full, 'plan', 'job'])
    expect(ids(library, { baseId: other })).toEqual([elsewhere])
  })

  test('is sorted, and paged with the number of all', () => {
    const { library, full, part } = filled()
    expect(ids(library, { sort: 'oldest' })).toEqual(['job', 'plan', full, part])
    expect(ids(library, { sort: 'title' })).toEqual([part, 'plan', 'job', full])
    expect(ids(library, { sort: 'value' }).slice(0, 2)).toEqual([full, part])
    expect(listRuns(query({ offset: 1, limit: 2 }), library)).toMatchObject({ total: 4, rows: [{ id: full }, { id: 'plan' }] })
    expect(listRuns(query({ offset: 9, limit: 2 }), library)).toEqual({ total: 4, rows: [] })
  })
})

describe('marks on runs', () => {
  test('what is archived leaves the list and comes back, of every kind', () => {
    const { library, full, part } = filled()
    const refs = [
      { kind: 'plan', id: 'plan' },
      { kind: 'evaluation', id: full },
      { kind: 'adaptation', id: 'job' },
      { kind: 'evaluation', id: 'nobody' },
    ] as const
    archiveRuns(refs, true, library)
    expect(ids(library)).toEqual([part])
    expect(ids(library, { archived: true })).toEqual([full, 'plan', 'job'])
    expect(library.plans.get('plan')?.archived).toBe(true)
    archiveRuns([refs[1]], false, library)
    expect(ids(library)).toEqual([part, full])
  })

  test('one run is pinned at a time, whatever its kind, archived or not', () => {
    const { library, full } = filled()
    const pinned = () => listRuns(query(), library).rows.filter((row) => row.pinned).map(({ id }) => id) // prettier-ignore
    library.runMarks.pin({ kind: 'plan', id: 'plan' })
    expect(pinned()).toEqual(['plan'])
    library.runMarks.pin({ kind: 'evaluation', id: full })
    expect(pinned()).toEqual([full])
    archiveRuns([{ kind: 'evaluation', id: full }], true, library)
    expect(library.runMarks.pinned()).toEqual({ kind: 'evaluation', id: full })
    library.runMarks.pin(null)
    expect(library.runMarks.pinned()).toBeNull()
    expect(ids(library, { archived: true })).toEqual([full])
  })

  test('go with the run, also when its base model or job takes it away', () => {
    const { library, baseId, full } = filled()
    archiveRuns([{ kind: 'evaluation', id: full }, { kind: 'adaptation', id: 'job' }], true, library) // prettier-ignore
    library.runMarks.pin({ kind: 'plan', id: 'plan' })
    expect(library.runMarks.isArchived({ kind: 'evaluation', id: full })).toBe(true)
    library.bases.remove(baseId)
    library.jobs.remove('job')
    library.plans.remove(['plan'])
    expect(library.runMarks.isArchived({ kind: 'evaluation', id: full })).toBe(false)
    expect(library.runMarks.isArchived({ kind: 'adaptation', id: 'job' })).toBe(false)
    expect(library.runMarks.pinned()).toBeNull()
  })
})

test('rows of given runs come in their order, archived ones too; an unknown one is refused', () => {
  const { library, full } = filled()
  archiveRuns([{ kind: 'plan', id: 'plan' }], true, library)
  const rows = rowsOf([{ kind: 'plan', id: 'plan' }, { kind: 'evaluation', id: full }], library) // prettier-ignore
  expect(rows.map(({ id, archived }) => [id, archived])).toEqual([['plan', true], [full, false]]) // prettier-ignore
  expect(() => rowsOf([{ kind: 'evaluation', id: 'plan' }], library)).toThrow('no evaluation with the id "plan"')
})

test('five thousand evaluations and two hundred plans are listed in less than 50 ms', () => {
  const library = openRuns()
  const { id: baseId } = library.bases.add(tinyBase())
  for (let index = 0; index < 5000; index += 1) {
    library.runs.begin(runOn(baseId, `task-${index % 50}`, `adapter-${index}`))
  }
  for (let index = 0; index < 200; index += 1) addPlan(library, `plan-${index}`, { file: planFile({ tasks: ['reviews'], seeds: [1] }) })
  const times = [0, 1, 2, 3, 4].map(() => {
    const start = performance.now()
    expect(listRuns(query({ text: 'task-7', sort: 'title' }), library).total).toBe(100)
    return performance.now() - start
  })
  expect(Math.min(...times)).toBeLessThan(50)
}, 60_000)
