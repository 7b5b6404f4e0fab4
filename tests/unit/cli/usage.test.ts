import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { methodIds, methods } from '../../../src-main/contract/methods.ts'
import { runCli } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const root = join(import.meta.dirname, '../../..')

test('without a command the help is shown', async () => {
  const { code, out, err } = await runCli([])
  expect([code, err]).toEqual([0, ''])
  expect(out).toContain('amalgam COMMAND [OPTIONS]')
})

test('a wrong command is usage error 2, on stderr, with a suggestion', async () => {
  const { code, out, err } = await runCli(['merg', 'x'])
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('Did you mean "merge"?')
  expect(err).toContain('See "amalgam --help".')
})

test('a wrong option names the command whose help to read', async () => {
  const { code, err } = await runCli(['ls', '--tekst', 'a'])
  expect(code).toBe(2)
  expect(err).toContain('Did you mean "--text"?')
  expect(err).toContain('See "amalgam ls --help".')
})

test('methods prints the registry, and one entry in words', async () => {
  expect((await runCli(['methods', '--json'])).json()).toEqual(JSON.parse(JSON.stringify(methods)))
  expect((await runCli(['methods', 'linear', '--json'])).json()).toEqual(
    JSON.parse(JSON.stringify(methods.find(({ id }) => id === 'linear'))),
  )
  const table = await runCli(['methods'])
  for (const id of methodIds) expect(table.out).toContain(id)
  const words = (await runCli(['methods', 'peft_linear'])).out
  expect(words).toContain('fails: replacing (B, A) by (B inverse(M), M A) changes nothing')
  expect(words).toContain('equal ranks')
})

test('an unknown method is a problem with a suggestion, and code 1', async () => {
  const { code, json } = await runCli(['methods', 'linaer', '--json'])
  expect(code).toBe(1)
  expect(json()).toMatchObject({ problems: [{ code: 'unknown-method', where: { value: 'linaer' }, allowed: methodIds }] })
})

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  expect((await runCli(['--version'])).out).toBe(`${version}\n`)
})

test('the command works under whatever Node starts it', () => {
  // An old Node reads the same plain script; it hands over to the one that the project carries.
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/amalgam.mjs'), 'methods', '--json'], { encoding: 'utf8' })
  expect(status).toBe(0)
  expect((JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)).toEqual(methodIds)
  const wrong = spawnSync(process.execPath, [join(root, 'scripts/amalgam.mjs'), 'nothing'], { encoding: 'utf8' })
  expect(wrong.status).toBe(2)
})
