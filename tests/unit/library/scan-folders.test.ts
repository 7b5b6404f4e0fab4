import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scanFolders, type ScanEvent } from '../../../src-main/library/scan-folders.ts'
import { temporaryFolder } from './support.ts'

const weights = 'adapter_model.safetensors'

function touch(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '')
  }
}

function scan(...paths: string[]): ScanEvent[] {
  const events: ScanEvent[] = []
  scanFolders(paths, (event) => events.push(event), () => false) // prettier-ignore
  return events
}

const found = (root: string, events: readonly ScanEvent[]) => events.map((event) => (event.kind === 'found' ? relative(root, event.folder) : `refused ${event.problem.code}`)) // prettier-ignore

test('finds adapters at any depth, checkpoints among them, in the order of names', () => {
  const root = temporaryFolder()
  touch(
    join(root, 'b/run', weights),
    join(root, 'b/run/checkpoint-100', weights),
    join(root, 'a/x/y', 'adapter_config.json'),
    join(root, 'c/notes.txt'),
  )
  expect(found(root, scan(root))).toEqual(['a/x/y', 'b/run', 'b/run/checkpoint-100'])
})

test("finds the snapshots of the hub's cache and passes over its blobs", () => {
  const root = temporaryFolder()
  const repository = join(root, 'hub/models--org--lora')
  touch(join(repository, 'blobs/abc'), join(repository, 'refs/main'))
  mkdirSync(join(repository, 'snapshots/0a1b'), { recursive: true })
  symlinkSync('../../blobs/abc', join(repository, 'snapshots/0a1b', weights))
  touch(join(repository, 'blobs', 'deep', weights))
  expect(found(root, scan(root))).toEqual(['hub/models--org--lora/snapshots/0a1b'])
  // A file of the cache is a link to a blob; its folder is where it is linked from.
  expect(found(root, scan(join(repository, 'snapshots/0a1b', weights)))).toEqual(['hub/models--org--lora/snapshots/0a1b'])
})

test('passes over hidden folders and installed packages, but not over the one that is named', () => {
  const root = temporaryFolder()
  touch(join(root, '.merge.partial', weights), join(root, 'node_modules/x', weights), join(root, '.cache/y', weights))
  expect(found(root, scan(root))).toEqual(['.cache/y'])
  expect(found(root, scan(join(root, '.merge.partial')))).toEqual(['.merge.partial'])
})

describe('links', () => {
  test('to the same folder count once, under the real path', () => {
    const root = temporaryFolder()
    touch(join(root, 'real', weights))
    symlinkSync(join(root, 'real'), join(root, 'alias'))
    expect(found(root, scan(root))).toEqual(['real'])
    expect(found(root, scan(join(root, 'alias'), join(root, 'real'), root))).toEqual(['real'])
  })

  test('that run in circles end', () => {
    const root = temporaryFolder()
    touch(join(root, 'a/b', weights))
    symlinkSync(root, join(root, 'a/b/up'))
    symlinkSync(join(root, 'self'), join(root, 'self'))
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'))
    expect(found(root, scan(root))).toEqual(['a/b'])
  })

  test('that only run in circles hold no adapter', () => {
    const root = temporaryFolder()
    mkdirSync(join(root, 'a'))
    symlinkSync(root, join(root, 'a/up'))
    expect(found(root, scan(root))).toEqual(['refused no-adapter-found'])
  })
})

describe('paths that hold nothing', () => {
  test('an empty tree is said once, with how many folders were looked at', () => {
    const root = temporaryFolder()
    mkdirSync(join(root, 'a/b'), { recursive: true })
    expect(scan(root)).toMatchObject([{ kind: 'refused', path: root, problem: { code: 'no-adapter-found', where: { path: root } } }])
    expect(scan(root)).toMatchObject([{ problem: { message: 'There is no adapter in this folder and the 2 below it.' } }])
  })

  test('a parent of what was named before holds something', () => {
    const root = temporaryFolder()
    touch(join(root, 'a/b', weights))
    expect(found(root, scan(join(root, 'a'), root))).toEqual(['a/b'])
  })

  test.each([
    ['a path that does not exist', (root: string) => join(root, 'none'), 'folder-unreadable', 'does not exist'],
    ['a link to itself', (root: string) => { symlinkSync(join(root, 's'), join(root, 's')); return join(root, 's') }, 'folder-unreadable', 'circle'], // prettier-ignore
    ['a name that is too long', (root: string) => join(root, 'n'.repeat(300)), 'folder-unreadable', 'too long'],
    ['a file below a file', (root: string) => { touch(join(root, 'f')); return join(root, 'f/g') }, 'folder-unreadable', 'not a folder'], // prettier-ignore
    ['another file', (root: string) => { touch(join(root, 'lora.safetensors')); return join(root, 'lora.safetensors') }, 'no-adapter-found', 'no file of an adapter'], // prettier-ignore
  ])('%s', (_, path, code, words) => {
    expect(scan(path(temporaryFolder()))).toMatchObject([
      { kind: 'refused', problem: { code, message: expect.stringContaining(words), hint: expect.any(String) } },
    ])
  })

  test.skipIf(process.getuid?.() === 0)('a folder that may not be read is said, and the others are listed', () => {
    const root = temporaryFolder()
    touch(join(root, 'a', weights), join(root, 'locked/x', weights))
    chmodSync(join(root, 'locked'), 0)
    try {
      expect(found(root, scan(root))).toEqual(['a', 'refused folder-unreadable'])
    } finally {
      chmodSync(join(root, 'locked'), 0o700)
    }
  })
})

test.each([weights, 'adapter_config.json', 'adapter_model.bin'])('a dropped %s means its folder', (name) => {
  const root = temporaryFolder()
  touch(join(root, 'x', name))
  expect(found(root, scan(join(root, 'x', name)))).toEqual(['x'])
})

test('stops when it is told to', () => {
  const root = temporaryFolder()
  for (let i = 0; i < 20; i++) touch(join(root, `a${i}`, weights))
  const events: ScanEvent[] = []
  scanFolders([root], (event) => events.push(event), () => events.length >= 5) // prettier-ignore
  expect(events).toHaveLength(5)
})
