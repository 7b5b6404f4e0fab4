// The file itself: what it asks of the process that loads it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { cudaFile, nodes, productFile, runScript, testFile } from './support.mjs'

const built = [productFile, testFile].filter((file) => existsSync(file))

test('both addons were built', () => assert.deepEqual(built, [productFile, testFile]))

test('Node-API is all that is asked of Node: no symbol of V8, libuv or Node itself', (context) => {
  for (const file of built) {
    const nm = spawnSync('nm', ['-D', '--undefined-only', file], { encoding: 'utf8' })
    if (nm.error) return context.skip('nm is not installed')
    assert.equal(nm.status, 0, nm.stderr)
    const symbols = nm.stdout.split('\n').map((line) => line.trim().split(' ').at(-1))
    assert.ok(symbols.filter((symbol) => symbol.startsWith('napi_')).length > 20)
    const foreign = symbols.filter((symbol) => /^_ZNK?(2v8|4node)|^uv_|^node_api_|^_ZN?[KS]*.*2v8/.test(symbol))
    assert.deepEqual(foreign, [])
  }
})

test('the CUDA library shows one symbol', (context) => {
  if (!existsSync(cudaFile)) return context.skip('built without nvcc')
  const nm = spawnSync('nm', ['-D', '--defined-only', cudaFile], { encoding: 'utf8' })
  if (nm.error) return context.skip('nm is not installed')
  const symbols = nm.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').at(-1))
  assert.deepEqual(symbols, ['amalgam_backend_entry'])
})

test('nothing of CUDA is linked, neither by the addons nor by the CUDA library', (context) => {
  for (const file of [...built, cudaFile].filter((candidate) => existsSync(candidate))) {
    const readelf = spawnSync('readelf', ['-d', file], { encoding: 'utf8' })
    if (readelf.error) return context.skip('readelf is not installed')
    const needed = [...readelf.stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1])
    assert.ok(needed.length > 0)
    for (const library of needed) assert.match(library, /^(libstdc\+\+|libgcc_s|libc|libm|libdl|libpthread|librt|ld-linux.*)\.so/)
  }
})

for (const { major, file } of nodes()) {
  test(`loads and answers in Node ${major}`, async () => {
    for (const addon of built) {
      const result = await runScript(file, `console.log(JSON.parse(require(process.argv[1]).devices()).cpu.threads > 0)`, [addon])
      assert.equal(result.code, 0, result.stderr)
      assert.equal(result.stdout.trim(), 'true')
    }
  })
}

test('Node 20 and Node 24 were both here', (context) => {
  const majors = nodes().map((node) => node.major)
  const missing = ['20', '24'].filter((major) => !majors.includes(major))
  if (missing.length > 0) context.skip(`no Node ${missing.join(' or ')} on the PATH`)
})
