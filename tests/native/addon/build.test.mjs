// The build script where something is missing: what it says, what it leaves for the app, and how it ends.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const scratch = mkdtempSync(path.join(os.tmpdir(), 'amalgam-build-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

/** A copy of the package without its build, and a folder of programs that is all there is on its PATH. */
function sandbox(name, programs) {
  const folder = path.join(scratch, name)
  const bin = path.join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const [program, script] of Object.entries(programs)) {
    writeFileSync(path.join(bin, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  cpSync(path.join(root, 'native'), path.join(folder, 'native'), {
    recursive: true,
    filter: (source) => !/[/\\]build(-\w+)?$/.test(source),
  })
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const build = (env = {}) =>
    spawnSync(process.execPath, [path.join(folder, 'native', 'build.mjs')], { encoding: 'utf8', env: { PATH: bin, ...env } })
  const requireIt = () =>
    spawnSync(
      process.execPath,
      [
        '-e',
        'try { require(process.argv[1]) } catch (e) { console.log(JSON.stringify({ code: e.code, reason: e.reason })) }',
        path.join(folder, 'native'),
      ],
      { encoding: 'utf8' },
    )
  return { folder, build, requireIt, reasonFile: path.join(folder, 'native', 'build', 'reason.json') }
}

const cmake = 'echo "cmake version 3.25.1"'

test('no CMake: names the package, ends well, and the app gets the reason', () => {
  const { build, requireIt, reasonFile } = sandbox('no-cmake', {})
  assert.deepEqual(JSON.parse(requireIt().stdout), {
    code: 'native-not-built',
    reason: 'it was never built here. Run: npm rebuild @amalgam/native',
  })
  const result = build()
  assert.equal(result.status, 0, result.stderr)
  assert.match(result.stderr, /NOT built[\s\S]*sudo apt install cmake/)
  const { code, reason } = JSON.parse(readFileSync(reasonFile, 'utf8'))
  assert.equal(code, 'native-not-built')
  assert.match(reason, /^CMake was not found/)
  assert.deepEqual(JSON.parse(requireIt().stdout), { code, reason })
})

test('where the core is required, the same failure ends with status 1', () => {
  const { build } = sandbox('required', {})
  assert.equal(build({ NATIVE_REQUIRED: '1' }).status, 1)
  assert.equal(build({ CI: 'true' }).status, 1)
})

test('an old CMake', () => {
  const result = sandbox('old-cmake', { cmake: 'echo "cmake version 3.16.3"' }).build()
  assert.equal(result.status, 0)
  assert.match(result.stderr, /CMake 3\.16 is too old; 3\.18 or later/)
})

test('no compiler, and a compiler without C++20', () => {
  assert.match(sandbox('no-compiler', { cmake }).build().stderr, /No C\+\+ compiler was found[\s\S]*sudo apt install g\+\+/)
  const old = sandbox('old-compiler', { cmake, 'g++': '[ "$1" = --version ]' })
  assert.match(old.build().stderr, /"g\+\+" does not know C\+\+20/)
  assert.match(old.build({ CXX: 'no-such-compiler' }).stderr, /tried no-such-compiler/)
})

test('neither ninja nor make', () => {
  const result = sandbox('no-make', { cmake, 'c++': 'exit 0' }).build()
  assert.match(result.stderr, /Neither ninja nor make[\s\S]*sudo apt install ninja-build/)
})

test('headers that npm did not install', () => {
  const { folder, build } = sandbox('no-headers', { cmake })
  rmSync(path.join(folder, 'node_modules'))
  assert.match(build().stderr, /node-addon-api and node-api-headers are missing\. Run: npm install/)
})

test('a build that fails is recorded, and the next success clears it', () => {
  const fake = (status) =>
    `case "$1" in --version) echo "cmake version 3.25.1" ;; -S) echo > "$4/CMakeCache.txt" ;; --build) exit ${status} ;; esac`
  const { folder, build, reasonFile } = sandbox('fails', { cmake: fake(1), 'c++': 'exit 0', make: 'echo "GNU Make 4.3"' })
  assert.equal(build().status, 0)
  assert.match(JSON.parse(readFileSync(reasonFile, 'utf8')).reason, /^Building the native core failed/)
  writeFileSync(path.join(folder, 'bin', 'cmake'), `#!/bin/sh\n${fake(0)}\n`)
  assert.equal(build().status, 0)
  assert.equal(existsSync(reasonFile), false)
})
