import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { extractFile } from '@electron/asar'
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses'
import { parse } from 'yaml'
import type { PackedFile } from './archive.ts'

/** A package for Linux, unpacked. */
export interface Package {
  /** The repository that it was made from. */
  readonly root: string
  /** linux-unpacked. */
  readonly folder: string
  readonly archive: string
  readonly files: readonly PackedFile[]
}

/** One thing that a package must be; throws what is wrong, or returns why it could not be looked at. */
export interface Check {
  readonly name: string
  run(made: Package): Promise<string | undefined> | string | undefined
}

const fuseNames: Readonly<Record<string, FuseV1Options>> = {
  runAsNode: FuseV1Options.RunAsNode,
  enableCookieEncryption: FuseV1Options.EnableCookieEncryption,
  enableNodeOptionsEnvironmentVariable: FuseV1Options.EnableNodeOptionsEnvironmentVariable,
  enableNodeCliInspectArguments: FuseV1Options.EnableNodeCliInspectArguments,
  enableEmbeddedAsarIntegrityValidation: FuseV1Options.EnableEmbeddedAsarIntegrityValidation,
  onlyLoadAppFromAsar: FuseV1Options.OnlyLoadAppFromAsar,
  loadBrowserProcessSpecificV8Snapshot: FuseV1Options.LoadBrowserProcessSpecificV8Snapshot,
  grantFileProtocolExtraPrivileges: FuseV1Options.GrantFileProtocolExtraPrivileges,
}

export const checks: readonly Check[] = [
  {
    name: 'the fuses in the binary are those of the configuration, and those of a safe app',
    async run({ root, folder }) {
      const wanted = (parse(readFileSync(join(root, 'electron-builder.yml'), 'utf8')) as { electronFuses: Record<string, boolean> })
        .electronFuses
      assert.deepEqual(Object.keys(wanted).sort(), Object.keys(fuseNames).sort())
      const wire = await getCurrentFuseWire(join(folder, 'amalgam'))
      for (const [name, fuse] of Object.entries(fuseNames))
        assert.equal(wire[fuse], wanted[name] ? FuseState.ENABLE : FuseState.DISABLE, name)
      const on = Object.keys(wanted).filter((name) => wanted[name])
      assert.deepEqual(on.sort(), ['enableCookieEncryption', 'enableEmbeddedAsarIntegrityValidation', 'onlyLoadAppFromAsar'])
    },
  },
  {
    name: 'the archive holds the files of the list and nothing else',
    run({ root, files }) {
      const lines = readFileSync(join(root, 'tests/packaging/packed-files.txt'), 'utf8').split('\n')
      const patterns = lines.filter((line) => line !== '' && !line.startsWith('#'))
      const rules = patterns.map((line) => ({ line, optional: line.startsWith('? '), matches: matcher(line.replace(/^\? /, '')) }))
      assert.deepEqual(
        files.map(({ path }) => path).filter((path) => !rules.some(({ matches }) => matches.test(path))),
        [],
        'packed, but not in the list',
      )
      assert.deepEqual(
        rules.filter(({ optional, matches }) => !optional && !files.some(({ path }) => matches.test(path))).map(({ line }) => line),
        [],
        'in the list, but not packed',
      )
    },
  },
  {
    name: 'no tests, sources, maps or development modules are packed',
    run({ root, files }) {
      const wrong = /\.(ts|cts|mts|map|cpp|cc|h|o|a|svelte|test\.js)$|(^|\/)(tests?|src|src-main|src-renderer|docs|scripts)\//
      assert.deepEqual(
        files.map(({ path }) => path).filter((path) => wrong.test(path)),
        [],
      )
      const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
      // What a dependency needs in turn.
      const allowed = [...Object.keys(dependencies), 'readdirp']
      const modules = new Set(files.flatMap(({ path }) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
      assert.deepEqual([...modules].sort(), allowed.sort())
    },
  },
  {
    name: 'native code and resources lie beside the archive, one build of each, and all else is inside',
    run({ archive, files }) {
      const outside = files.filter(({ unpacked }) => unpacked)
      for (const { path, sizeBytes } of outside) assert.equal(statSync(join(`${archive}.unpacked`, path)).size, sizeBytes, path)
      const expected = /\.node$|\/libamalgam_cuda\.so$|^resources\//
      assert.deepEqual(
        files.filter(({ path, unpacked }) => expected.test(path) && !unpacked),
        [],
      )
      // A module with native code is unpacked whole.
      const native = /^node_modules\/(better-sqlite3|@amalgam\/native)\//
      assert.deepEqual(
        outside.filter(({ path }) => !expected.test(path) && !native.test(path)),
        [],
      )
      assert.deepEqual(
        files.map(({ path }) => path.split('/').at(-1)).filter((name) => name?.endsWith('.node')),
        ['amalgam.node', `${process.platform}-${process.arch}.node`],
      )
    },
  },
  {
    name: 'every file inside the archive is what its hash says',
    run({ archive, files }) {
      for (const { path, unpacked, hash } of files) {
        if (unpacked) continue
        assert.equal(createHash('sha256').update(extractFile(archive, path)).digest('hex'), hash, path)
      }
    },
  },
  {
    name: 'the licences of the app, of Electron, of Chromium and of everything else are there',
    run({ root, folder, archive }) {
      assert.equal(readFileSync(join(folder, 'LICENSE.txt'), 'utf8'), readFileSync(join(root, 'LICENSE'), 'utf8'))
      assert.ok(existsSync(join(folder, 'LICENSE.electron.txt')) && existsSync(join(folder, 'LICENSES.chromium.html')))
      const notices = 'resources/licenses/THIRD-PARTY.txt'
      const text = readFileSync(join(`${archive}.unpacked`, notices), 'utf8')
      assert.equal(text, readFileSync(join(root, notices), 'utf8'))
      for (const work of ['better-sqlite3', 'chokidar', 'd3-scale', 'node-addon-api', 'svelte', 'valibot', 'yaml'])
        assert.match(text, new RegExp(`^${work} \\d+\\.`, 'm'))
    },
  },
  {
    name: 'the packed addons ask nothing of V8, libuv or Node but Node-API',
    run({ archive, files }) {
      for (const { path } of files.filter((file) => file.path.endsWith('.node'))) {
        const { error, status, stdout, stderr } = spawnSync('nm', ['-D', '--undefined-only', join(`${archive}.unpacked`, path)], {
          encoding: 'utf8',
        })
        if (error) return 'nm is not installed'
        assert.equal(status, 0, stderr)
        const symbols = stdout.split('\n').map((line) => line.trim().split(' ').at(-1) ?? '')
        assert.ok(symbols.filter((symbol) => symbol.startsWith('napi_')).length > 20, path)
        assert.deepEqual(
          symbols.filter((symbol) => /^_ZNK?(2v8|4node)|^uv_|^node_api_|^_ZN?[KS]*.*2v8/.test(symbol)),
          [],
          path,
        )
      }
      return undefined
    },
  },
  {
    name: 'only English menus of Chromium, no other app and no way to update stay in the folder',
    run({ folder }) {
      assert.deepEqual(readdirSync(join(folder, 'locales')), ['en-US.pak'])
      assert.deepEqual(readdirSync(join(folder, 'resources')).sort(), ['app.asar', 'app.asar.unpacked'])
    },
  },
  {
    name: 'the icons have the sizes that they are named for',
    run({ root }) {
      const folder = join(root, 'resources/icons')
      const pictures = readdirSync(folder).filter((name) => name.endsWith('.png'))
      assert.deepEqual(
        pictures.map((name) => Number(name.split('x')[0])).sort((a, b) => a - b),
        [16, 24, 32, 48, 64, 128, 256, 512],
      )
      for (const name of pictures) assert.deepEqual(pngSize(readFileSync(join(folder, name))), name.replace('.png', ''))
      const ico = readFileSync(join(folder, 'icon.ico'))
      const ofIco = Array.from({ length: ico.readUInt16LE(4) }, (_, index) => pngSize(ico.subarray(ico.readUInt32LE(18 + 16 * index))))
      assert.deepEqual(
        ofIco,
        [16, 24, 32, 48, 64, 128, 256].map((size) => `${size}x${size}`),
      )
      const icns = readFileSync(join(folder, 'icon.icns'))
      assert.equal(icns.toString('latin1', 0, 4), 'icns')
      assert.equal(icns.readUInt32BE(4), icns.length)
      const ofIcns: string[] = []
      for (let place = 8; place < icns.length; place += icns.readUInt32BE(place + 4)) ofIcns.push(pngSize(icns.subarray(place + 8)))
      assert.deepEqual(
        ofIcns,
        [16, 32, 64, 128, 256, 512, 1024].map((size) => `${size}x${size}`),
      )
    },
  },
]

/** A pattern of the list as an expression: * within a part of a name, ** across parts. */
function matcher(pattern: string): RegExp {
  const parts = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')))
  return new RegExp(`^${parts.join('')}$`)
}

/** "WIDTHxHEIGHT" of the PNG that begins here. */
function pngSize(bytes: Uint8Array): string {
  const png = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  assert.equal(png.toString('latin1', 1, 4), 'PNG')
  return `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`
}
