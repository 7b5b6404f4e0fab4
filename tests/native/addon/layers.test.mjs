// Who may include whom in native/, and that Node and CUDA stay in their folders.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const nativeDir = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'native')

/** From the bottom up: a folder includes itself and those before it. The last two share a level. */
const layers = [['core'], ['ops'], ['linalg'], ['lora'], ['methods'], ['merge'], ['addon', 'tools']]
const level = new Map(layers.flatMap((folders, index) => folders.map((folder) => [folder, index])))

const includes = [...level.keys()].flatMap((folder) =>
  readdirSync(path.join(nativeDir, folder), { recursive: true })
    .filter((file) => /\.(h|cpp|cu|cuh)$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(path.join(nativeDir, folder, file), 'utf8')
      return [...text.matchAll(/^#include ["<]([^">]+)[">]/gm)].map((match) => ({ folder, from: `${folder}/${file}`, to: match[1] }))
    }),
)
const shown = ({ from, to }) => `${from} includes ${to}`

test('no folder includes one above it', () => {
  assert.ok(includes.length > 100)
  const broken = includes.filter(({ folder, to }) => (level.get(to.split('/')[0]) ?? -1) > level.get(folder))
  assert.deepEqual(broken.map(shown), [])
})

test('Node only in addon/, CUDA only in ops/cuda/*.cu and their headers', () => {
  const node = includes.filter(({ folder, to }) => /^(napi|node_api|js_native_api|uv)\.h$/.test(to) && folder !== 'addon')
  const cuda = includes.filter(({ from, to }) => /^(cuda|cublas)\w*\.h$/.test(to) && !from.startsWith('ops/cuda/'))
  assert.deepEqual([...node, ...cuda].map(shown), [])
})
