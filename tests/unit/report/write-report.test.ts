import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as v from 'valibot'
import { requests } from '../../../src-main/contract/bridge.ts'
import type { CellResult } from '../../../src-main/contract/plan-run.ts'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { reportHandlers, reportOf } from '../../../src-main/ipc/report-handlers.ts'
import type { PlanStore } from '../../../src-main/library/plan-types.ts'
import { expandPlan } from '../../../src-main/plans/expand-plan.ts'
import { readPlan } from '../../../src-main/plans/read-plan.ts'
import { reportFolderName, reportFileName } from '../../../src-main/report/file-names.ts'
import { writeReport } from '../../../src-main/report/write-report.ts'
import { makePlanDetail } from '../../helpers/plan-detail.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { runCli } from '../cli/run-cli.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-report-')))
const input = { detail: makePlanDetail(), agreements: [], examples: [], contents: [] }
let opened: OpenedServices
beforeAll(() => {
  opened = openTestServices()
  keepPlan(opened.services.library.plans)
})
afterAll(async () => {
  await opened.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A plan of two arms, whose 40 examples one gets right by half and the other all; no adapter, task or base model is in the library. */
function keepPlan(plans: PlanStore): void {
  const { plan } = readPlan({
    ...{ version: 1, title: 'Base, and what was trained', base: 'gone', tasks: ['gone_task'] },
    arms: [
      { kind: 'base', id: 'base', label: 'Base model', role: 'base' },
      { kind: 'train', id: 'own', label: 'Fresh LoRA', role: 'own', preset: null },
    ],
  })
  const cells = expandPlan(plan!)
  plans.insert(
    {
      ...{
        id: 'plan-of-old',
        file: plan!,
        state: 'done',
        baseName: 'gone',
        archived: false,
        baseline: null,
        headline: null,
        process: null,
      },
      ...{ createdAt: '2026-01-01T00:00:00.000Z', startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:10:00.000Z' },
      ...{ provenance: { appVersion: '0.0.1', baseHash: 'abc' }, importedFrom: null, problems: [] },
    },
    cells.map(({ id, arm, task, budget, seed, needs }) => ({ id, arm: arm.id, task, budget, seed, needs: [...needs] })),
  )
  const examples = Array.from({ length: 40 }, (_, index) => ({ id: `e${index}`, prompt: `${index}?`, answer: 'yes' }))
  plans.setTask('plan-of-old', {
    task: 'gone_task',
    title: 'A task of old',
    metric: 'exact_match',
    direction: 'higher',
    hash: 'def',
    examples,
  })
  for (const { id, arm } of cells) {
    const part = { tokens: 10, seconds: 1 }
    const result: CellResult = {
      ...{ version: 1, cell: id, fingerprint: id, appVersion: '0.0.1', finishedAt: '2026-01-01T00:05:00.000Z', metric: 'exact_match' },
      adapter: arm.kind === 'base' ? null : { name: 'own-1', contentHash: 'c', tensorHash: 't', path: '/nowhere/own-1' },
      exampleIds: examples.map((example) => example.id),
      values: examples.map((_, index) => (arm.kind === 'base' ? index % 2 : 1)),
      predictions: examples.map((_, index) => (arm.kind === 'base' && index % 2 === 0 ? 'no' : 'yes')),
      cost: { selection: { ...part, adapters: 0 }, own: part, learning: part, test: part, spent: part, device: 'cpu', examples: 100 },
      coefficients: arm.kind === 'base' ? null : { modules: [], adapters: [{ id: null, name: 'a part' }], values: [], shares: [0.625] },
      ...{ selection: [], curve: [], chosenStep: null, noValidation: false, provenance: {}, problems: [] },
    }
    plans.setResult('plan-of-old', result)
  }
}

const handlers = () =>
  reportHandlers({ planDescriber: opened.services.planDescriber, outputFolder: () => join(folder, 'outputs') }, async (...paths) => {
    if (paths.some((path) => !path.startsWith(folder))) throw new Refusal([errorProblem('path-not-allowed', 'no')])
  })

test('every form lies in a new folder, and nothing is overwritten', async () => {
  const first = await writeReport(input, folder)
  expect(first.path).toBe(join(folder, 'Quick-look-report'))
  const names = ['cells.csv', 'charts', 'costs.csv', 'differences.csv', 'estimates.csv', 'report.html', 'report.md', 'tables.tex']
  expect([...first.files].sort()).toEqual(names)
  const page = readFileSync(join(first.path, 'report.html'), 'utf8')
  writeFileSync(join(first.path, 'report.html'), 'changed by hand')
  const second = await writeReport(input, folder)
  expect(second.path).toBe(join(folder, 'Quick-look-report-2'))
  expect(readFileSync(join(first.path, 'report.html'), 'utf8')).toBe('changed by hand')
  expect(readFileSync(join(second.path, 'report.html'), 'utf8')).toBe(page)
  expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([])
})

test('the markdown finds its drawings', async () => {
  const { path } = await writeReport(input, folder)
  const linked = [...readFileSync(join(path, 'report.md'), 'utf8').matchAll(/\]\((charts\/[^)]+)\)/g)].map(([, place]) => place!)
  expect(linked).toHaveLength(5)
  for (const place of linked) expect(readFileSync(join(path, place), 'utf8')).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<svg /)
})

test('a folder that cannot be written is refused, and nothing is left', async () => {
  writeFileSync(join(folder, 'a-file'), '')
  await expect(writeReport(input, join(folder, 'a-file'))).rejects.toThrow(Refusal)
})

test('names of folders and files are those of the plan as every system takes them', () => {
  expect(reportFolderName('Quick look: sentiment_stars')).toBe('Quick-look-sentiment_stars-report')
  expect(reportFolderName('../../etc/passwd')).toBe('etc-passwd-report')
  expect([reportFolderName('?'), reportFolderName('con')]).toEqual(['report', 'con-report'])
  expect(reportFolderName('x'.repeat(200)).length).toBeLessThanOrEqual(80)
  expect([reportFileName('A b', 'markdown'), reportFileName('A b', 'latex')]).toEqual(['A-b-report.md', 'A-b-report.tex'])
})

test('a report opens whose adapters, task and base model are gone, in every form', async () => {
  const answers = await Promise.all(
    (['html', 'markdown', 'csv', 'latex'] as const).map((format) => handlers()['plans.report']({ planId: 'plan-of-old', format })),
  )
  const checked = answers.map((answer) => v.parse(requests['plans.report'].output, answer))
  expect(checked.map(({ fileName }) => fileName.split('.').at(-1))).toEqual(['html', 'md', 'csv', 'tex'])
  const [html, markdown, csv] = checked.map(({ text }) => text ?? '')
  for (const text of [html, markdown]) {
    expect(text).toContain('A task of old')
    expect(text).toContain('100.0 (91.2 to 100.0)')
    expect(text).toContain('+50.0 (')
  }
  expect(html).toContain('Fresh LoRA (3 of 20)</th><td>0?</td><td>yes</td><td>no: Base model</td>')
  expect(markdown).toContain('| a part | 62.5 |')
  expect(csv).toMatch(/^100,gone_task,own,base,0\.5,/m)
})

test('places of this machine stay out of a report', async () => {
  const plans = opened.services.library.plans
  const told = errorProblem('file-unreadable', 'The file /home/anna/pool/a b/x.safetensors cannot be read.')
  const before = plans.get('plan-of-old')?.problems ?? []
  plans.patch('plan-of-old', { problems: [told] })
  try {
    const { detail } = await reportOf(opened.services.planDescriber, 'plan-of-old')
    expect(detail.problems.map(({ message }) => message).join()).not.toContain('/home/anna')
    expect(detail.problems.map(({ code }) => code)).toContain('file-unreadable')
  } finally {
    plans.patch('plan-of-old', { problems: before })
  }
})

test('a report is written where the window may, else where outputs go', async () => {
  const asked = { planId: 'plan-of-old', folder: '/somewhere-else' }
  await expect(handlers()['plans.writeReport'](asked)).rejects.toThrow(Refusal)
  const made = v.parse(requests['plans.writeReport'].output, await handlers()['plans.writeReport']({ ...asked, folder: null }))
  expect(made.path).toBe(join(folder, 'outputs', 'Base-and-what-was-trained-report'))
  expect(made.files).toContain('report.html')
  const unknown = handlers()['plans.report']({ planId: 'nobody', format: 'html' })
  await expect(unknown).rejects.toThrow('There is no plan nobody.')
})

test('on the command line: a folder with all forms, one form on the output, unknown plans refused', async () => {
  const library = join(folder, 'cli-library')
  mkdirSync(library)
  const { services, close } = openTestServices(realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-report-cli-'))))
  keepPlan(services.library.plans)
  const place = join(services.library.file, '..')
  try {
    const written = await runCli(['plan', 'report', 'plan-of-old', '--out', folder, '--library', place, '--json'])
    expect(written.err).toBe('')
    expect(written.code).toBe(0)
    const { path } = written.json<{ path: string }>()
    expect(path).toBe(join(folder, 'Base-and-what-was-trained-report'))
    const printed = await runCli(['plan', 'report', 'plan-of-old', '--format', 'markdown', '--library', place])
    expect(printed.out).toMatch(/^# Base, and what was trained\n/)
    expect(printed.out).not.toContain('](charts/')
    const refused = await runCli(['plan', 'report', 'nobody', '--library', place])
    expect([refused.code, refused.out]).toEqual([1, ''])
    expect(refused.err).toContain('plan-unknown')
  } finally {
    await close()
  }
}, 60_000)
