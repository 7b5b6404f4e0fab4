/**
 * The accuracies in the demo kit's manifest, which transformers and PEFT measured: the base model on every task, each adapter on its own, greedy, at most
 * six new tokens, compared after spaces are taken away. Each is reproduced exactly or within one example, and the test says which.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { EvaluateRequestInput, Run, Subject } from '../../src-main/contract/run.ts'
import { evaluateInputSchema } from '../../src-main/contract/run.ts'
import { loadBinding } from '../../src-main/engine/binding.ts'
import { demoAdapters, demoKit } from '../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../helpers/services.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

interface Manifest {
  readonly base_accuracy: Readonly<Record<string, number>>
  readonly adapters: Readonly<Record<string, { readonly task: string; readonly test_accuracy: number }>>
}
const manifest = JSON.parse(readFileSync(join(demoKit, 'manifest.json'), 'utf8')) as Manifest
const settings = { maxNewTokens: 6 }

let opened: OpenedServices
let baseId: string
async function evaluate(subjects: readonly Subject[], taskIds: readonly string[]): Promise<readonly Run[]> {
  const { queue, library } = opened.services
  const tasks = taskIds.map((taskId) => ({ taskId, split: 'test' as const }))
  const input: EvaluateRequestInput = { baseId, subjects: [...subjects], tasks, ...settings }
  const { jobId, problems } = queue.start('evaluate', v.parse(evaluateInputSchema, input))
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  const job = await queue.whenEnded(jobId!)
  expect(job).toMatchObject({ state: 'done', problems: [] })
  const { runs } = (await queue.get(jobId!))!.result as { runs: string[] }
  return runs.map((run) => library.runs.get(run)!)
}

/** Right answers of a run by the manifest's comparison: equal without spaces, letter case counts. */
function hitsOf({ id, n }: Run): number {
  const { rows } = opened.services.library.runs.outcomes({ runId: id, other: null, filter: 'all', text: '', offset: 0, limit: 1000 })
  expect(rows).toHaveLength(n)
  const plain = (text: string): string => text.replaceAll(' ', '')
  return rows.filter(({ here }) => plain(here.prediction ?? '') === plain(here.answer)).length
}

/** By how many examples each run differs from the manifest, by name. */
function differences(found: readonly (readonly [name: string, accuracy: number, run: Run])[]): Record<string, number> {
  return Object.fromEntries(found.map(([name, accuracy, run]) => [name, hitsOf(run) - Math.round(accuracy * run.n)]))
}

function say(what: string, byName: Readonly<Record<string, number>>): void {
  const names = Object.keys(byName)
  const off = names.filter((name) => byName[name] !== 0)
  console.log(
    `${what}: ${names.length - off.length} of ${names.length} accuracies exactly` +
      (off.length > 0 ? `, others by examples: ${off.map((name) => `${name} ${byName[name]}`).join(', ')}` : ''),
  )
}

describe.skipIf(loadBinding().binding === null)('accuracies of the demo kit', () => {
  beforeAll(async () => {
    opened = openTestServices()
    const { importer, bases, library } = opened.services
    const { id } = importer.start([demoAdapters])
    const added = await bases.add(join(demoKit, 'base-model'))
    baseId = await bases.settled(added.id!)
    await library.tasks.add(join(demoKit, 'tasks'))
    await importer.finished(id!)
  })
  afterAll(() => opened.close())

  test('the base model on every task', async () => {
    const names = Object.keys(manifest.base_accuracy)
    expect(names.length).toBeGreaterThan(20)
    const runs = await evaluate([{ kind: 'base' }], names)
    const byName = differences(names.map((name, index) => [name, manifest.base_accuracy[name]!, runs[index]!]))
    say('base model', byName)
    for (const [name, difference] of Object.entries(byName)) expect(Math.abs(difference), name).toBeLessThanOrEqual(1)
  })

  test('each adapter on its task', async () => {
    const { adapters } = opened.services.library
    const found: [string, number, Run][] = []
    const names = Object.keys(manifest.adapters)
    expect(names.length).toBeGreaterThan(10)
    const tasks = [...new Set(names.map((name) => manifest.adapters[name]!.task))]
    for (const task of tasks) {
      const own = names.filter((name) => manifest.adapters[name]!.task === task)
      const ids = own.map((name) => adapters.find(join(demoAdapters, name)) as { readonly id: string })
      const runs = await evaluate(ids.map(({ id }) => ({ kind: 'adapter', adapterId: id, coefficient: 1 })), [task]) // prettier-ignore
      own.forEach((name, index) => found.push([name, manifest.adapters[name]!.test_accuracy, runs[index]!]))
    }
    const byName = differences(found)
    say('adapters', byName)
    for (const [name, difference] of Object.entries(byName)) expect(Math.abs(difference), name).toBeLessThanOrEqual(1)
  })
})
