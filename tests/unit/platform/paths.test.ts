import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { appPaths, appPathsFrom, appRoot, defaultLibraryFolder } from '../../../src-main/platform/paths.ts'
import { workerFile } from '../../../src-main/platform/worker-file.ts'

test('everything that is written lies under the library', () => {
  const paths = appPaths({ libraryFolder: '/data/lib', resources: '/app/resources', renderer: '/app/out/renderer' })
  expect(paths).toEqual({
    library: '/data/lib',
    outputs: '/data/lib/outputs',
    logs: '/data/lib/logs',
    cache: '/data/lib/cache',
    inbox: '/data/lib/inbox',
    resources: '/app/resources',
    renderer: '/app/out/renderer',
  })
})

test('the default library is where each operating system keeps data', () => {
  const home = '/home/ada'
  expect(defaultLibraryFolder({ platform: 'linux', home, environment: {} })).toBe('/home/ada/.local/share/amalgam')
  expect(defaultLibraryFolder({ platform: 'linux', home, environment: { XDG_DATA_HOME: '/data' } })).toBe('/data/amalgam')
  expect(defaultLibraryFolder({ platform: 'linux', home, environment: { XDG_DATA_HOME: '' } })).toBe('/home/ada/.local/share/amalgam')
  expect(defaultLibraryFolder({ platform: 'darwin', home, environment: {} })).toBe('/home/ada/Library/Application Support/amalgam')
  expect(defaultLibraryFolder({ platform: 'win32', home, environment: { LOCALAPPDATA: '/local' } })).toBe('/local/amalgam')
})

test('the app is found from sources, from the bundle and inside an archive', () => {
  const root = join(mkdtempSync(join(tmpdir(), 'amalgam-paths-')), 'resources', 'app.asar')
  mkdirSync(join(root, 'out', 'main'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{}')
  expect(appRoot(join(root, 'out', 'main'))).toBe(root)
  const paths = appPathsFrom(join(root, 'out', 'main'), '/data/lib')
  expect(paths.resources).toBe(`${root}.unpacked/resources`)
  expect(paths.renderer).toBe(join(root, 'out', 'renderer'))
})

test('a worker is a source file beside the sources and a bundle file beside the bundle', () => {
  expect(workerFile('library/read-worker', 'file:///app/src-main/platform/worker-file.ts')).toBe('/app/src-main/library/read-worker.ts')
  expect(workerFile('library/read-worker', 'file:///app/out/main/index.js')).toBe('/app/out/main/library/read-worker.js')
})
