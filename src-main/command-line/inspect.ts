import type { AdapterInspection, Similarity } from '../contract/inspection.ts'
import type { Problem } from '../contract/problems.ts'
import { outcome, type Command } from './command.ts'
import { findAdapters } from './find-adapters.ts'
import { followJob } from './follow-job.ts'
import { formatTable } from './format.ts'
import { withSession } from './session.ts'

/** `inspect ID...`: spectra and the frozen-A detector; with --compare the cosines between the updates. */
export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'Show spectra, effective ranks and signs of LoRI; compare adapters with each other.',
  takes: 'ID...',
  least: 1,
  most: Infinity,
  options: [{ name: 'compare', help: 'Compare every pair that was not compared yet, and print the cosines.' }],
  notes: () => [
    "ID is an adapter's id, its name when no other has it, or the path of its folder.",
    'A comparison that is stopped goes on where it was when it is started again.',
  ],
  run: (given, context) =>
    withSession(given.value('library'), context, async (session) => {
      const { inspections, similarities, adapters } = session.services.library
      const { ids, problems } = findAdapters(adapters, given.positionals)
      if (problems.length > 0) return outcome({ problems }, [], problems)
      const compare = given.has('compare')
      const found = inspections.many(ids, !compare)
      const lines = found.length === 1 && !compare ? adapterLines(found[0]!) : summaryLines(found)
      if (!compare) return outcome({ adapters: found, problems: [] }, lines)
      const started = session.services.queue.start('compare', { ids })
      if (started.jobId === null) return outcome({ problems: started.problems }, [], started.problems)
      const { job, result } = await followJob(session, started.jobId, context)
      const similarity = await similarities.similarity(ids)
      const told: readonly Problem[] = job.problems
      const json = { adapters: found, similarity, result, problems: told }
      return outcome(json, job.state === 'done' ? [...lines, '', ...cosineLines(similarity)] : [], told)
    }),
}

function summaryLines(inspections: readonly AdapterInspection[]): readonly string[] {
  return formatTable([
    ['NAME', 'EFFECTIVE RANK', 'A', 'ZEROS IN B', 'ID'],
    ...inspections.map(({ name, effectiveRank, detector, id }) => [
      name,
      effectiveRank === null ? 'not computed' : effectiveRank.toFixed(2),
      detector?.frozenA ?? '-',
      detector === null ? '-' : `${(100 * detector.zerosB).toFixed(1)} %`,
      id,
    ]),
  ])
}

/** Singular values shown of each module. */
const shown = 4

function adapterLines({ name, id, effectiveRank, detector, modules }: AdapterInspection): readonly string[] {
  return [
    ...formatTable([
      ['Name', name],
      ['Id', id],
      ['Effective rank', effectiveRank === null ? 'not computed' : effectiveRank.toFixed(2)],
      ['Verdict', detector?.verdict ?? '-'],
    ]),
    '',
    ...formatTable([
      ['MODULE', 'NORM', 'EFFECTIVE RANK', 'LARGEST SINGULAR VALUES'],
      ...modules.map((module) => [
        module.name,
        module.norm.toPrecision(4),
        module.effectiveRank?.toFixed(2) ?? '-',
        module.singularValues.slice(0, shown).map((value) => value.toPrecision(3)).join(' '), // prettier-ignore
      ]),
    ]),
  ]
}

function cosineLines({ adapters, cosines }: Similarity): readonly string[] {
  return formatTable([
    ['COSINE', ...adapters.map((_, index) => `${index + 1}`)],
    ...adapters.map(({ name }, row) => [`${row + 1} ${name}`, ...cosines[row]!.map((cosine) => cosine?.toFixed(3) ?? '-')]),
  ])
}
