import type { RunRef, RunRow, RunsComparison } from '../contract/runs-list.ts'
import { baselineOf } from './compare-plan.ts'
import { rowsOf, type RunsLibrary } from './list-runs.ts'
import { factGroups, factsOfAdaptation, factsOfEvaluation, factsOfPlan, type FactNames, type RunFact } from './run-facts.ts'

/**
 * Settings and results of runs side by side, one row for each thing that is known of any of them, and paired differences of evaluations to the pinned
 * or first one. Throws a Refusal (run-unknown) when a run is not there.
 */
export async function compareRuns(refs: readonly RunRef[], library: RunsLibrary): Promise<RunsComparison> {
  const runs = rowsOf(refs, library)
  const names: FactNames = {
    task: (id) => library.tasks.get(id)?.title ?? id,
    base: (id) => library.bases.get(id)?.name ?? id,
  }
  const facts = runs.map((run) => factsOf(run, library, names))
  const reference = referenceOf(runs, library)
  const differences: RunsComparison['differences'] = []
  for (const run of runs) differences.push(await differenceTo(run, reference, library))
  return { runs: [...runs], rows: rowsFrom(facts), reference, differences }
}

function factsOf({ kind, id }: RunRow, library: RunsLibrary, names: FactNames): readonly RunFact[] {
  if (kind === 'plan') {
    const plan = library.plans.get(id)
    if (!plan) return []
    const baseline = baselineOf(plan.file, null, plan.baseline)
    const metrics = library.plans.taskFacts(id).map(({ metric }) => metric)
    return factsOfPlan(plan, { cells: library.plans.cells(id), metrics, comparison: library.plans.comparison(id, baseline) }, names)
  }
  if (kind === 'evaluation') {
    const run = library.runs.get(id)
    return run ? factsOfEvaluation(run, names) : []
  }
  const adaptation = library.adaptations.get(id)
  return adaptation ? factsOfAdaptation(adaptation, names) : []
}

/** Rows by group, in the order in which the first run that has them says them. */
function rowsFrom(runs: readonly (readonly RunFact[])[]): RunsComparison['rows'] {
  const byRun = runs.map((facts) => new Map(facts.map((fact) => [`${fact.group} ${fact.name}`, fact.value])))
  return factGroups.flatMap((group) => {
    const names = new Set(runs.flatMap((facts) => facts.filter((fact) => fact.group === group).map(({ name }) => name)))
    return [...names].map((name) => {
      const values = byRun.map((facts) => facts.get(`${group} ${name}`) ?? null)
      return { group, name, values, differs: values.some((value) => value !== values[0]) }
    })
  })
}

/** The pinned evaluation, else the first of those that are compared. */
function referenceOf(runs: readonly RunRow[], library: RunsLibrary): RunRow | null {
  const pinned = library.runMarks.pinned()
  const isThere = pinned?.kind === 'evaluation' && library.runs.get(pinned.id) !== null
  if (isThere) return rowsOf([pinned], library)[0] ?? null
  return runs.find(({ kind }) => kind === 'evaluation') ?? null
}

async function differenceTo(run: RunRow, reference: RunRow | null, { runs }: RunsLibrary): Promise<RunsComparison['differences'][number]> {
  if (run.kind !== 'evaluation' || reference === null || run.id === reference.id) return null
  return runs.difference(run.id, reference.id)
}
