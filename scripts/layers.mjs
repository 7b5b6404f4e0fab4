/**
 * Who may import whom (left may import right, never back). The one table: the lint configuration and tests/unit/layers.test.ts derive from it.
 * A layer lists every folder (or root file) whose imports it may use; "itself" is always allowed.
 */

const plain = (name) => ({ name, folders: [name] })

/** src-main, from the outside in. Folders in one row are siblings and get each other as arguments. */
const mainRows = [
  [{ name: 'shell', folders: ['index', 'window', 'preload', 'web', 'cli', 'command-line'] }],
  [plain('host')],
  [plain('ipc')],
  [plain('report'), plain('cluster')],
  [plain('plans')],
  [plain('jobs')],
  [plain('engine'), plain('recipes'), plain('library')],
  [plain('tasks'), plain('metrics'), plain('selection'), plain('search')],
  [plain('statistics')],
  [plain('contract')],
]

const rendererRows = [
  [{ name: 'main', folders: ['main'] }],
  [{ name: 'app', folders: ['App'] }],
  [plain('views')],
  [plain('state'), plain('forms'), plain('charts'), plain('parts')],
  [plain('format')],
]

const nativeRows = [
  [plain('addon'), plain('tools')],
  [plain('jobs')],
  [plain('learn'), plain('eval'), plain('merge')],
  [plain('methods'), plain('model')],
  [plain('lora')],
  [plain('linalg')],
  [plain('ops')],
  [plain('core')],
]

function allowedFrom(rows) {
  const allowed = new Map()
  rows.forEach((row, index) => {
    const below = rows.slice(index + 1).flatMap((lower) => lower.flatMap((layer) => layer.folders))
    for (const layer of row) for (const folder of layer.folders) allowed.set(folder, new Set([...layer.folders, ...below]))
  })
  return allowed
}

const main = allowedFrom(mainRows)
const withoutPlatform = new Set(['contract', 'statistics'])
for (const [folder, allowed] of main) if (!withoutPlatform.has(folder)) allowed.add('platform')
main.set('platform', new Set(['platform', 'contract']))
// Only these four files may import Electron (DESIGN.md 1).
export const electronFiles = ['src-main/index.ts', 'src-main/window.ts', 'src-main/preload.ts', 'src-main/host/electron.ts']

const renderer = allowedFrom(rendererRows)
// state is the only user of the bridge; main makes it.
renderer.get('state').add('bridge')
renderer.get('main').add('bridge')
renderer.set('bridge', new Set(['bridge']))
// Views are built from parts, which charts and forms share.
for (const sibling of ['forms', 'charts']) renderer.get(sibling).add('parts')

export const layers = {
  'src-main': main,
  'src-renderer': renderer,
  native: allowedFrom(nativeRows),
}

/** The folder (or root file without its ending) of a path inside its tree. */
export function layerOf(pathInTree) {
  const first = pathInTree.split('/')[0]
  return first.replace(/\.(svelte\.ts|svelte|ts|mjs)$/, '')
}
