import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { expect, test } from 'vitest'
import { electronFiles, layerOf, layers } from '../../scripts/layers.mjs'

const root = join(import.meta.dirname, '../..')

function filesBelow(folder: string, endings: RegExp): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (/^(build|build-.*|node_modules)$/.test(name)) return []
    return statSync(path).isDirectory() ? filesBelow(path, endings) : endings.test(name) ? [path] : []
  })
}

/** Module specifiers that a TypeScript or Svelte file imports, re-exports or loads lazily. */
function specifiersOf(text: string): string[] {
  return [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)['"]([^'"]+)['"]/g)].map((match) => match[1] ?? '')
}

interface Edge {
  readonly file: string
  readonly target: string
}

function edgesOf(tree: 'src-main' | 'src-renderer'): Edge[] {
  return filesBelow(join(root, tree), /\.(ts|svelte)$/).flatMap((file) =>
    specifiersOf(readFileSync(file, 'utf8')).map((target) => ({ file: relative(root, file), target })),
  )
}

function offendingEdges(tree: 'src-main' | 'src-renderer'): string[] {
  return edgesOf(tree).flatMap(({ file, target }) => {
    if (!target.startsWith('.')) return []
    const from = layerOf(relative(tree, file))
    const resolved = normalize(join(dirname(file), target))
    if (tree === 'src-renderer' && resolved.startsWith('src-main/contract/')) return []
    if (!resolved.startsWith(`${tree}/`)) return [`${file} -> ${target} (leaves ${tree})`]
    const to = layerOf(relative(tree, resolved))
    if (to === 'styles') return []
    const allowed = layers[tree].get(from)
    if (!allowed) return [`${file}: folder "${from}" is not in the layer table`]
    return allowed.has(to) ? [] : [`${file} -> ${target} (${from} may not import ${to})`]
  })
}

test('src-main imports only downwards', () => {
  expect(offendingEdges('src-main')).toEqual([])
})

test('the renderer imports only downwards, and of src-main only the contract', () => {
  expect(offendingEdges('src-renderer')).toEqual([])
})

test('only the four shell files import Electron', () => {
  const users = edgesOf('src-main').filter(({ target }) => target === 'electron' || target.startsWith('electron/'))
  expect([...new Set(users.map(({ file }) => file))].filter((file) => !electronFiles.includes(file))).toEqual([])
})

test('the renderer imports nothing of Node, Electron or SQLite', () => {
  const foreign = edgesOf('src-renderer').filter(({ target }) => /^(electron|node:|better-sqlite3|@amalgam)/.test(target))
  expect(foreign).toEqual([])
})

test('the contract is pure: it imports itself and valibot only', () => {
  const foreign = edgesOf('src-main').filter(
    ({ file, target }) => file.startsWith('src-main/contract/') && !target.startsWith('./') && target !== 'valibot',
  )
  expect(foreign).toEqual([])
})

test('native code includes only downwards; Node only in addon, CUDA only in ops/cuda', () => {
  const offending = filesBelow(join(root, 'native'), /\.(h|cpp|cu|cuh)$/).flatMap((path) => {
    const file = relative(root, path)
    const from = layerOf(relative('native', file))
    const allowed = layers.native.get(from)
    if (!allowed) return [`${file}: folder "${from}" is not in the layer table`]
    return [...readFileSync(path, 'utf8').matchAll(/#include\s+["<]([^">]+)[">]/g)].flatMap(([, target = '']) => {
      if (/^(napi|node_api|js_native_api|uv)\.h$/.test(target))
        return from === 'addon' ? [] : [`${file} -> ${target} (only addon knows Node)`]
      if (/^(cuda|cublas)\w*\.h$/.test(target))
        return file.startsWith('native/ops/cuda/') ? [] : [`${file} -> ${target} (only ops/cuda knows CUDA)`]
      const to = target.includes('/') ? target.split('/')[0]! : from
      return !layers.native.has(to) || allowed.has(to) ? [] : [`${file} -> ${target} (${from} may not include ${to})`]
    })
  })
  expect(offending).toEqual([])
})
