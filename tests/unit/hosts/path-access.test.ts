import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { createPathAccess, isInside } from '../../../src-main/host/path-access.ts'

let root: string
let outside: string

beforeEach(() => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-access-')))
  root = join(folder, 'root')
  outside = join(folder, 'outside')
  mkdirSync(join(root, 'inner'), { recursive: true })
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'x')
})

test('what lies in a root is allowed, also when it does not exist yet', async () => {
  const access = createPathAccess([root])
  expect(await access.isAllowed(root)).toBe(true)
  expect(await access.isAllowed(join(root, 'inner'))).toBe(true)
  expect(await access.isAllowed(join(root, 'new', 'deeper'))).toBe(true)
})

test.each([
  ['a sibling', () => outside],
  ['a sibling with the same beginning', () => `${root}-2`],
  ['a way out', () => `${root}/../outside/secret`],
  ['a parent', () => join(root, '..')],
  ['a relative path', () => 'root/inner'],
  ['a path with a zero byte', () => `${root}/a\0b`],
  ['nothing', () => ''],
])('%s is not allowed', async (_name, path) => {
  expect(await createPathAccess([root]).isAllowed(path())).toBe(false)
})

test('a link out of a root is followed and refused; a link into one is allowed', async () => {
  symlinkSync(outside, join(root, 'out'))
  symlinkSync(root, join(outside, 'in'))
  const access = createPathAccess([root])
  expect(await access.isAllowed(join(root, 'out', 'secret'))).toBe(false)
  expect(await access.isAllowed(join(root, 'out', 'new'))).toBe(false)
  expect(await access.isAllowed(join(outside, 'in', 'inner'))).toBe(true)
})

test('a root that is itself a link, or is made later, works', async () => {
  const link = join(outside, 'root-link')
  symlinkSync(root, link)
  expect(await createPathAccess([link]).isAllowed(join(root, 'inner'))).toBe(true)
  expect(await createPathAccess([join(root, 'later')]).isAllowed(join(root, 'later', 'x'))).toBe(true)
})

test('what was allowed later is allowed, and nothing beside it', async () => {
  const access = createPathAccess([root])
  access.allow(join(outside, 'secret'))
  expect(await access.isAllowed(join(outside, 'secret'))).toBe(true)
  expect(await access.isAllowed(outside)).toBe(false)
})

test('a name that only begins with dots is inside', () => {
  expect(isInside('/a', '/a/..b')).toBe(true)
  expect(isInside('/a', '/a')).toBe(true)
  expect(isInside('/a', '/b')).toBe(false)
})
