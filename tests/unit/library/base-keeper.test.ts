import { createHash } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { createBaseKeeper } from '../../../src-main/library/base-keeper.ts'
import type { CheckpointFacts } from '../../../src-main/library/base-types.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { demoKit } from '../../helpers/demo.ts'
import { tinyFacts } from './run-support.ts'
import { codes, openBench } from './support.ts'

// Tokenizers are read and files hashed by threads, which start slowly on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const demoBase = join(demoKit, 'base-model')
const vocabulary = (JSON.parse(readFileSync(join(demoBase, 'config.json'), 'utf8')) as { vocab_size: number }).vocab_size

/** A keeper whose checkpoints are read as the demo's base model is, unless `read` says otherwise. */
function openKeeper(read: (folder: string) => Partial<CheckpointFacts> = () => ({})) {
  const { folder, library } = openBench()
  const home = join(folder, 'models', 'demo')
  cpSync(demoBase, home, { recursive: true })
  let changes = 0
  let reads = 0
  const open = () =>
    createBaseKeeper({
      bases: library.bases,
      checkpoint: async (path) => {
        reads += 1
        return { ...tinyFacts, vocabulary, files: [join(path, 'model.safetensors')], ...read(path) }
      },
      emitChanged: () => (changes += 1),
      log: silentLog,
    })
  const keeper = open()
  onTestFinished(() => keeper.close())
  return { keeper, open, folder, home, bases: library.bases, library, counts: () => ({ changes, reads }) }
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')

test('a folder is added with its facts at once, and with its content hash afterwards', async () => {
  const { keeper, home, bases } = openKeeper()
  const { id, problems } = await keeper.add(home)
  expect(problems).toEqual([])
  expect(bases.get(id!)).toMatchObject({ name: 'demo', path: home, status: 'checking', contentHash: null, template: 'own', vocabulary })
  expect(await keeper.settled(id!)).toBe(id)
  const names = [
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]
  const rows = names.map((name) => `${name}\0${sha256(readFileSync(join(home, name)))}\n`)
  expect(bases.get(id!)).toMatchObject({ status: 'ok', contentHash: sha256(rows.join('')) })
})

test('the same folder twice is one base model, also by a file in it, and nothing is read again', async () => {
  const { keeper, home, bases, counts } = openKeeper()
  const [one, other] = await Promise.all([keeper.add(home), keeper.add(join(home, 'config.json'))])
  expect(other).toEqual(one)
  await keeper.settled(one.id!)
  expect(await keeper.add(join(home, 'model.safetensors'))).toEqual(one)
  expect(bases.list()).toHaveLength(1)
  expect(counts().reads).toBe(1)
})

test('a copy turns out to be the same, and a moved folder keeps its id', async () => {
  const { keeper, folder, home, bases } = openKeeper()
  const { id } = await keeper.add(home)
  await keeper.settled(id!)
  const copy = join(folder, 'copy')
  cpSync(home, copy, { recursive: true })
  const added = await keeper.add(copy)
  expect(await keeper.settled(added.id!)).toBe(id)
  expect(await keeper.settled(added.id!)).toBe(id)
  expect(bases.list().map(({ path }) => path)).toEqual([home])

  rmSync(home, { recursive: true })
  expect((await keeper.list()).map(({ status }) => status)).toEqual(['missing'])
  await keeper.settled((await keeper.add(copy)).id!)
  expect(bases.list()).toMatchObject([{ id, path: copy, status: 'ok' }])
})

test('what lies there now is read anew; the base model before is missing, and comes back with its content', async () => {
  const { keeper, home, bases } = openKeeper()
  const { id } = await keeper.add(home)
  await keeper.settled(id!)
  const config = readFileSync(join(home, 'config.json'), 'utf8')
  writeFileSync(join(home, 'config.json'), `${config} `)
  const list = await keeper.list()
  expect(list).toMatchObject([
    { id, status: 'missing' },
    { path: home, name: 'demo' },
  ])
  await keeper.settled(list[1]!.id)
  expect(bases.get(list[1]!.id)!.status).toBe('ok')
  expect(bases.get(list[1]!.id)!.contentHash).not.toBe(bases.get(id!)!.contentHash)

  writeFileSync(join(home, 'config.json'), config)
  const again = await keeper.list()
  const newest = again.at(-1)!
  expect(await keeper.settled(newest.id)).toBe(id)
  expect(bases.get(id!)!.status).toBe('ok')
})

test('a folder that goes away and comes back is missing meanwhile, without being hashed again', async () => {
  const { keeper, folder, home, bases, counts } = openKeeper()
  const { id } = await keeper.add(home)
  await keeper.settled(id!)
  const away = join(folder, 'away')
  const { renameSync } = await import('node:fs')
  renameSync(home, away)
  expect((await keeper.list())[0]).toMatchObject({ id, status: 'missing', contentHash: bases.get(id!)!.contentHash })
  renameSync(away, home)
  const before = counts().changes
  expect((await keeper.list())[0]).toMatchObject({ id, status: 'ok' })
  expect(counts().changes).toBe(before + 1)
  await keeper.list()
  expect(counts().changes).toBe(before + 1)
})

test('folders without a checkpoint are refused and not listed', async () => {
  const { keeper, folder, bases } = openKeeper()
  expect(codes((await keeper.add(join(folder, 'nowhere'))).problems)).toEqual(['folder-unreadable'])
  expect(codes((await keeper.add(folder)).problems)).toEqual(['checkpoint-missing'])
  expect(bases.list()).toEqual([])
})

test('a checkpoint that cannot be used is listed as refused, and read anew when it is added again', async () => {
  let isBroken = true
  const { keeper, home, bases } = openKeeper(() => {
    if (isBroken) throw new Refusal([errorProblem('checkpoint-missing', 'model-00002-of-00002.safetensors is missing.')])
    return {}
  })
  const { id, problems } = await keeper.add(home)
  expect(codes(problems)).toEqual(['checkpoint-missing'])
  expect(bases.get(id!)).toMatchObject({ status: 'refused', problems })
  isBroken = false
  expect(await keeper.add(home)).toEqual({ id, problems: [] })
  await keeper.settled(id!)
  expect(bases.get(id!)).toMatchObject({ status: 'ok', problems: [] })
})

test('a core that is not there says nothing about the checkpoint', async () => {
  const { keeper, home, bases } = openKeeper(() => {
    throw new Refusal([errorProblem('native-not-built', 'The native core cannot be used.')])
  })
  await expect(keeper.add(home)).rejects.toMatchObject({ problems: [{ code: 'native-not-built' }] })
  expect(bases.list()).toEqual([])
})

test('a tokenizer that is missing or knows too many tokens refuses, a missing template is said', async () => {
  const { keeper, folder, home, bases } = openKeeper((path) => (path.endsWith('small') ? { vocabulary: 100 } : {}))
  const copyOf = (name: string, without?: string) => {
    const copy = join(folder, name)
    cpSync(home, copy, { recursive: true })
    if (without !== undefined) rmSync(join(copy, without))
    return copy
  }
  const bare = await keeper.add(copyOf('bare', 'tokenizer.json'))
  expect(codes(bare.problems)).toEqual(['tokenizer-missing'])
  const small = await keeper.add(copyOf('small'))
  expect(codes(small.problems)).toEqual(['vocabulary-mismatch'])
  expect(small.problems[0]!.message).toContain('the embedding of the base model has 100 rows')
  const plain = await keeper.add(copyOf('plain', 'chat_template.jinja'))
  expect(codes(plain.problems)).toEqual(['template-missing'])
  await keeper.settled(plain.id!)
  expect(bases.list().map(({ name, status, template }) => [name, status, template])).toEqual([
    ['bare', 'refused', 'plain'],
    ['small', 'refused', 'own'],
    ['plain', 'ok', 'plain'],
  ])
})

test('hashing that an earlier process did not finish is taken up', async () => {
  const { keeper, open, home, bases } = openKeeper()
  const { id } = await keeper.add(home)
  await keeper.close()
  const isUnfinished = bases.get(id!)!.status === 'checking'
  const next = open()
  onTestFinished(() => next.close())
  next.takeUp()
  await next.settled(id!)
  expect([isUnfinished, bases.get(id!)!.status]).toEqual([true, 'ok'])
})

test('free memory is what it is now', async () => {
  let free = 100
  const { keeper, home } = openKeeper(() => ({ memory: [{ device: 'cpu', needs: 5, free: free++ }] }))
  await keeper.settled((await keeper.add(home)).id!)
  expect((await keeper.list())[0]!.memory).toEqual([{ device: 'cpu', needs: 5, free: 101 }])
  // It holds for a while: lists are asked for often.
  expect((await keeper.list())[0]!.memory).toEqual([{ device: 'cpu', needs: 5, free: 101 }])
})
