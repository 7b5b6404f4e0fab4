import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { BaseModel } from '../../../src-main/contract/base-model.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const demoBase = join(demoKit, 'base-model')

test('base: adds a checkpoint, lists, shows, renames and removes it', async () => {
  const library = join(scratch(), 'library')
  const base = (...words: string[]) => runCli(['base', ...words, '--library', library, '--json'])
  const added = await base('add', demoBase, '--name', 'Demo')
  expect(added.code).toBe(0)
  const model = added.json<BaseModel>()
  expect(model).toMatchObject({ name: 'Demo', path: demoBase, status: 'ok', family: 'llama', template: 'own', problems: [] })
  expect(model.contentHash).toMatch(/^[0-9a-f]{64}$/)
  expect(model.memory[0]!.needs).toBeGreaterThan(model.weightBytes)
  // The same folder twice is one base model, which a second adding may name anew.
  expect((await base('add', demoBase)).json<BaseModel>().id).toBe(model.id)
  const { memory: _memory, ...facts } = model
  expect((await base('ls')).json<BaseModel[]>()).toMatchObject([facts])
  for (const reference of [model.id, 'demo', demoBase]) expect((await base('show', reference)).json<BaseModel>()).toMatchObject(facts)
  expect((await base('rename', 'Demo', 'Tiny Llama')).json<BaseModel>().name).toBe('Tiny Llama')
  const unknown = await base('show', 'Tiny Lama')
  expect([unknown.code, unknown.json()]).toMatchObject([1, { problems: [{ code: 'base-unknown', hint: 'Did you mean "Tiny Llama"?' }] }])
  expect((await base('remove', 'tiny llama')).code).toBe(0)
  expect((await base('ls')).json()).toEqual([])
})

test('base: what cannot be used is refused with code 1 and stays listed with its problems', async () => {
  const folder = scratch()
  const library = join(folder, 'library')
  const base = (...words: string[]) => runCli(['base', ...words, '--library', library, '--json'])
  const other = join(folder, 'other')
  cpSync(demoBase, other, { recursive: true })
  writeFileSync(join(other, 'config.json'), JSON.stringify({ model_type: 'gpt_neox', architectures: ['GPTNeoXForCausalLM'] }))
  const cut = join(folder, 'cut')
  cpSync(demoBase, cut, { recursive: true })
  rmSync(join(cut, 'model.safetensors'))
  const codesOf = (problems: readonly Problem[]) => problems.map(({ code }) => code)
  const unknown = await base('add', other)
  expect([unknown.code, codesOf(unknown.json<BaseModel>().problems)]).toEqual([1, ['architecture-unknown']])
  const missing = await base('add', cut)
  expect([missing.code, codesOf(missing.json<BaseModel>().problems)]).toEqual([1, ['checkpoint-missing']])
  const nowhere = await base('add', join(folder, 'nowhere'))
  expect([nowhere.code, codesOf(nowhere.json<{ problems: Problem[] }>().problems)]).toEqual([1, ['folder-unreadable']])
  const listed = (await base('ls')).json<BaseModel[]>()
  expect(listed.map(({ name, status }) => [name, status])).toEqual([['other', 'refused'], ['cut', 'refused']]) // prettier-ignore
})

test('base: wrong use is code 2', async () => {
  for (const words of [['base'], ['base', 'lst'], ['base', 'add'], ['base', 'show', 'a', 'b'], ['base', 'rename', 'a', ' ']])
    expect((await runCli(words)).code).toBe(2)
  expect((await runCli(['base', 'lst'])).err).toContain('Did you mean "ls"?')
})
