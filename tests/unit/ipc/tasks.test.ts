import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { BaseModel } from '../../../src-main/contract/base-model.ts'
import type { RequestInput, RequestName, RequestOutput } from '../../../src-main/contract/bridge.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { createPathAccess } from '../../../src-main/host/path-access.ts'
import { createApp, type App } from '../../../src-main/ipc/app.ts'
import type { HostPort } from '../../../src-main/ipc/host-port.ts'
import { createTaskImporter } from '../../../src-main/ipc/task-import.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { appPaths } from '../../../src-main/platform/paths.ts'
import { demoKit } from '../../helpers/demo.ts'

const opened: App[] = []
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close()
})

interface Opened {
  /** A folder that the window may use. */
  readonly folder: string
  readonly heard: string[]
  ask<K extends RequestName>(name: K, input: RequestInput<K>): Promise<RequestOutput<K>>
  refusal(name: RequestName, input: unknown): Promise<readonly Problem[]>
}

/** The app with the demo kit as its resources. */
function open(host: Partial<HostPort> = {}): Opened {
  const root = mkdtempSync(join(tmpdir(), 'amalgam-tasks-ipc-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const folder = join(root, 'given')
  mkdirSync(folder)
  const paths = appPaths({ libraryFolder: join(root, 'library'), resources: join(root, 'resources'), renderer: root })
  mkdirSync(join(paths.resources, 'demo/tasks'), { recursive: true })
  for (const name of ['opposite.task.json', 'opposite.train.jsonl', 'opposite.test.jsonl'])
    copyFileSync(join(demoKit, 'tasks', name), join(paths.resources, 'demo/tasks', name))
  const app = createApp({
    ...{ kind: 'web', version: '1', paths, access: createPathAccess([folder]), log: silentLog, clock: () => new Date() },
    ...{ canPick: false, pickFolder: async () => null, pickFile: async () => null },
    ...{ pickAdapters: async () => [], reveal: async () => undefined, preventSleep: () => () => undefined },
    ...host,
  })
  opened.push(app)
  const heard: string[] = []
  app.onEvent((name) => heard.push(name))
  return {
    ...{ folder, heard },
    async ask(name, input) {
      const reply = await app.dispatch(name, input)
      if (!reply.ok) throw new Error(JSON.stringify(reply.problems))
      return reply.value as RequestOutput<typeof name>
    },
    async refusal(name, input) {
      const reply = await app.dispatch(name, input)
      return reply.ok ? [] : reply.problems
    },
  }
}

const rows = [
  { text: 'nice', label: 'Positive' },
  { text: 'fine', label: 'positive' },
  { text: 'fine too', label: 'positive' },
  { text: 'bad', label: 'negative' },
  { text: 'ugh', label: 'negative' },
  { text: 'no', label: 'negative' },
]

function writeRows(folder: string): string {
  const path = join(folder, 'moods.jsonl')
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return path
}

const base: BaseModel = {
  ...{
    id: 'b',
    name: 'demo',
    path: join(demoKit, 'base-model'),
    status: 'ok',
    family: 'llama',
    dtype: 'bfloat16',
    parameters: 1,
    weightBytes: 1,
  },
  ...{
    vocabulary: 100_000,
    hidden: 1,
    intermediate: 1,
    layers: 1,
    heads: 1,
    kvHeads: 1,
    headDim: 1,
    maxPositions: 256,
    tied: false,
    contentHash: 'x',
  },
  ...{ template: 'own', memory: [], adapters: 0, problems: [] },
}

describe('requests of tasks', () => {
  test('add the demo tasks, page through their examples, edit and remove them, and tell the windows', async () => {
    const { ask, heard } = open()
    expect((await ask('tasks.addDemo', {})).ids).toEqual(['opposite'])
    const task = await ask('tasks.get', { id: 'opposite' })
    const all = await ask('tasks.examples', { id: 'opposite', split: 'test', offset: 0, limit: 1000 })
    expect(all.total).toBe(task?.counts.test)
    const page = await ask('tasks.examples', { id: 'opposite', split: 'test', offset: 1, limit: 2 })
    expect(page).toEqual({ examples: all.examples.slice(1, 3), total: all.total })
    const wanted = all.examples[0]!
    const found = await ask('tasks.examples', { id: 'opposite', split: 'test', text: ` ${wanted.id.toUpperCase()} `, offset: 0, limit: 10 })
    expect(found).toEqual({ examples: [wanted], total: 1 })
    expect(await ask('tasks.edit', { id: 'opposite', changes: { title: 'Opposites' } })).toEqual({ problems: [] })
    expect((await ask('tasks.list', {})).map(({ title, version }) => [title, version])).toEqual([['Opposites', 2]])
    await ask('tasks.remove', { id: 'opposite' })
    expect(await ask('tasks.list', {})).toEqual([])
    expect(heard).toContain('tasks.changed')
  })

  test('refuse paths that the window may not use, a task or base model that is not there, and a split that is none', async () => {
    const { refusal } = open()
    const outside = join(demoKit, 'tasks')
    const codes = async (name: RequestName, input: unknown) => (await refusal(name, input)).map(({ code }) => code)
    expect(await codes('tasks.add', { path: outside })).toEqual(['path-not-allowed'])
    expect(await codes('tasks.readSource', { path: join(outside, 'opposite.test.jsonl') })).toEqual(['path-not-allowed'])
    expect(await codes('tasks.previewImport', { mapping: { path: outside }, baseId: null })).toEqual(['path-not-allowed'])
    expect(await codes('tasks.examples', { id: 'gone', split: 'test', offset: 0, limit: 1 })).toEqual(['task-unknown'])
    expect(await codes('tasks.render', { id: 'gone', baseId: 'none', split: 'test', exampleId: 'x' })).toEqual(['base-unknown'])
    expect(await codes('tasks.examples', { id: 'gone', split: 'exam', offset: 0, limit: 1 })).toEqual(['request-invalid'])
  })

  test('read a file, preview what the suggested mapping makes of it, and import it', async () => {
    const { ask, folder } = open()
    const { source } = await ask('tasks.readSource', { path: writeRows(folder) })
    expect(source).toMatchObject({
      format: 'jsonl',
      rows: 6,
      suggested: { id: 'moods', inputs: ['text'], target: 'label', labelNames: {} },
    })
    const mapping = {
      ...source!.suggested!,
      instruction: 'mood?',
      labelNames: { Positive: 'positive' },
      split: { ...source!.suggested!.split, train: 3, validation: 1 },
    }
    const preview = await ask('tasks.previewImport', { mapping, baseId: null })
    expect(preview).toMatchObject({ counts: { train: 3, validation: 1, test: 2 }, duplicates: 0, leaks: 0, prompts: [], problems: [] })
    expect(preview.labels).toContainEqual({ found: 'Positive', count: 1, becomes: 'positive' })
    expect(await ask('tasks.import', { mapping })).toEqual({ id: 'moods', problems: [] })
    expect(await ask('tasks.get', { id: 'moods' })).toMatchObject({
      counts: preview.counts,
      labels: ['negative', 'positive'],
      instruction: 'mood?',
    })
    const again = await ask('tasks.previewImport', { mapping, baseId: null })
    expect(again.problems.map(({ code }) => code)).toEqual(['task-exists'])
    expect(await ask('tasks.import', { mapping })).toMatchObject({ id: null, problems: [{ code: 'task-exists' }] })
  })

  test('say of a draft that is not ready what is wrong with it', async () => {
    const { ask, folder } = open()
    const path = writeRows(folder)
    const problems = async (mapping: unknown) =>
      (await ask('tasks.previewImport', { mapping, baseId: null })).problems.map(({ code, where }) => `${code} ${where?.field}`)
    expect(await problems({ path })).toContain('mapping-invalid id')
    const { source } = await ask('tasks.readSource', { path })
    expect(await problems({ ...source!.suggested!, target: 'labl' })).toEqual(['mapping-invalid target'])
    expect((await ask('tasks.readSource', { path: join(folder, 'gone.csv') })).problems.map(({ code }) => code)).toEqual([
      'source-not-readable',
    ])
  })

  test('ask the host for a folder or a file, and do nothing when the person closed the dialog', async () => {
    const closed = open()
    expect(await closed.ask('tasks.pickAndAdd', {})).toEqual({ ids: [], problems: [] })
    expect(await closed.ask('tasks.pickSource', {})).toEqual({ source: null, problems: [] })
    const path = writeRows(closed.folder)
    const chosen = open({ pickFolder: async () => join(demoKit, 'tasks'), pickFile: async () => path })
    expect((await chosen.ask('tasks.pickAndAdd', {})).ids).toContain('sentiment')
    expect((await chosen.ask('tasks.pickSource', {})).source?.rows).toBe(6)
  })
})

describe('prompts of an import', () => {
  test('are shown as the base model gets them; one that misfits is said', () => {
    const folder = mkdtempSync(join(tmpdir(), 'amalgam-tasks-ipc-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const importer = createTaskImporter({ list: () => [], addImported: async () => ({ id: null, problems: [] }) })
    const { source } = importer.describe(writeRows(folder))
    const mapping = { ...source!.suggested!, instruction: 'is the review positive or negative' }
    const { prompts, examples, problems } = importer.preview(mapping, base)
    expect(problems.map(({ code }) => code)).not.toContain('template-failed')
    expect(prompts.map(({ exampleId }) => exampleId)).toEqual(examples.slice(0, 3).map(({ id }) => id))
    const [first] = prompts
    expect(first?.text).toBe(
      `<|begin|><|system|>is the review positive or negative<|end|><|user|>${examples[0]?.inputs['text']}<|end|><|assistant|>${examples[0]?.answer}<|end|>`,
    )
    expect(first).toMatchObject({ template: 'own', tooLong: false })
    const short = importer.preview(mapping, { ...base, maxPositions: 20 })
    expect(short.prompts.every(({ tooLong }) => tooLong)).toBe(true)
    const misfit = importer.preview(mapping, { ...base, contentHash: 'y', vocabulary: 10 })
    expect(misfit.prompts).toEqual([])
    expect(misfit.problems.map(({ code }) => code)).toContain('vocabulary-mismatch')
  })
})
