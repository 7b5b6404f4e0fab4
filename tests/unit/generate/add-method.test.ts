/**
 * What adding a merge method takes: one registry entry and one native file. A method that does not exist is added to a copy of the sources,
 * generated, compiled, asked for in a recipe and run; then the copy is compared with the original, file by file.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors } from '../../helpers/safetensors.ts'

const root = join(import.meta.dirname, '../../..')
const archive = join(root, 'native/build/libamalgam_core.a')
const programObjects = join(root, 'native/build/CMakeFiles/engine_cli.dir')
const reasonToSkip =
  spawnSync('g++', ['--version']).status !== 0
    ? 'there is no g++'
    : !existsSync(archive)
      ? 'the native core is not built (npm run test:native builds it)'
      : ''
if (reasonToSkip !== '') console.log(`adding a method is not tested: ${reasonToSkip}`)

/** One registry entry ... */
const entry = `  {
    id: 'largest_entry',
    label: 'Largest entry',
    family: 'elementwise',
    actsOn: 'update',
    kind: 'on_tiles',
    reference: 'Made up for a test: the value of the largest magnitude, entry by entry',
    formula: 'ΔW = scale · cᵢ sᵢ Bᵢ Aᵢ with i = argmax |sᵢ Bᵢ Aᵢ|',
    summary: 'Every entry is taken from the adapter whose own is the largest.',
    inputs: { min: 1 },
    needs: {},
    coefficients: true,
    outputRank: 'chosen',
    usesSeed: false,
    tuning: 'search',
    params: [
      { kind: 'number', id: 'scale', label: 'Scale', help: 'Factor of the result.', per: 'recipe', default: 0.5, min: 0, max: 2 },
    ],
    identities: [],
  },
`

/** ... and one native file. */
const nativeFile = `// Made up for a test: the value of the largest magnitude, entry by entry
#include <cmath>

#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

OnTiles largest_entry(const LargestEntryParams& params) {
  return {{}, [scale = static_cast<float>(params.scale)](const Tile& tile, core::MatrixView<float> result) {
            for (std::int64_t i = 0; i < result.rows; ++i) {
              for (std::int64_t j = 0; j < result.cols; ++j) {
                float largest = 0;
                float merged = 0;
                for (const TileSource& source : tile.sources) {
                  const float value = source.values(i, j);
                  if (std::abs(value) <= largest) continue;
                  largest = std::abs(value);
                  merged = scale * static_cast<float>(source.coefficient) * value;
                }
                result(i, j) = merged;
              }
            }
          }};
}

}  // namespace amalgam::methods
`

/** Resolves a recipe over two adapters with the copy's own code, as the application does; prints the job and the adapters' folders. */
const resolveScript = `
import { writeFileSync } from 'node:fs'
import { resolveDraft } from './src-main/recipes/resolve-recipe.ts'
import { makePool } from './tests/unit/recipes/pool.ts'
const pool = makePool()
pool.add('one', { r: 3, alpha: 6, seed: 1, layers: 1 })
pool.add('two', { r: 5, alpha: 5, seed: 2, layers: 1 })
const recipe = { method: 'largest_entry', params: { scale: 0.25 }, adapters: [{ adapter: 'one', coefficient: 2 }, { adapter: 'two', coefficient: -1 }], output: { rank: 4096 } }
const { job, problems } = resolveDraft(recipe, pool, { device: 'cpu' })
if (!job) throw new Error(JSON.stringify(problems))
const refused = resolveDraft({ ...recipe, params: { scale: 3 } }, pool, { device: 'cpu' }).problems.map(({ code }) => code)
writeFileSync('request.json', JSON.stringify({ job, outFile: process.cwd() + '/merged.safetensors', threads: 2 }))
console.log(JSON.stringify({ folder: pool.folder, refused }))
`

let copy = ''
let original: ReadonlyMap<string, string>

const copied = ['native', 'src-main', 'scripts', 'docs']
const skipped = /^native\/(build|node_modules)|\/node_modules(\/|$)/

/** The product's files in the copy, each with a hash of what it holds. */
function filesOfCopy(): Map<string, string> {
  const files = copied.flatMap((part) => readdirSync(join(copy, part), { recursive: true, withFileTypes: true }))
  const paths = files.filter((found) => found.isFile()).map((found) => join(found.parentPath, found.name))
  return new Map(paths.map((path) => [relative(copy, path), createHash('sha256').update(readFileSync(path)).digest('hex')]))
}

function copySources(): void {
  for (const part of [...copied, 'tests/helpers', 'tests/unit/recipes']) {
    mkdirSync(join(copy, part), { recursive: true })
    cpSync(join(root, part), join(copy, part), { recursive: true, filter: (path) => !skipped.test(relative(root, path)) })
  }
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
}

function addMethod(): void {
  const registry = join(copy, 'src-main/contract/methods.ts')
  const end = '] as const satisfies readonly MethodEntry[]'
  const text = readFileSync(registry, 'utf8')
  expect(text.split(end)).toHaveLength(2)
  writeFileSync(registry, text.replace(end, `${entry}${end}`))
  writeFileSync(join(copy, 'native/methods/largest_entry.cpp'), nativeFile)
}

/**
 * Compiles what is new and what names it; everything else comes from the built program and core, whose own dispatch table is left out by the
 * linker.
 */
async function buildEngine(): Promise<string> {
  const sources = ['methods/largest_entry', 'methods/dispatch.generated']
  const flags = ['-std=c++20', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-restrict', '-ffp-contract=off', '-I', join(copy, 'native'), '-c']
  const objects = await Promise.all(
    sources.map(async (source) => {
      const object = join(copy, `${source.replace('/', '-')}.o`)
      await promisify(execFile)('g++', [...flags, join(copy, `native/${source}.cpp`), '-o', object])
      return object
    }),
  )
  // By name: a build folder keeps the objects of files that are gone.
  const program = ['jobs', 'tools'].flatMap((part) =>
    readdirSync(join(root, 'native', part))
      .filter((name) => name.endsWith('.cpp'))
      .map((name) => join(programObjects, part, `${name}.o`)),
  )
  const engine = join(copy, 'engine_cli')
  execFileSync('g++', [...objects, ...program, archive, '-lpthread', '-ldl', '-o', engine], { stdio: 'pipe' })
  return engine
}

/** scaling B A of a module of an adapter made by the pool (alpha over rank is 2 and 1), or of the merged file (1). */
function update(path: string, module: string, scaling: number): Float64Array {
  const tensors = readSafetensors(path)
  const a = tensors.get(`base_model.model.${module}.lora_A.weight`)!
  const b = tensors.get(`base_model.model.${module}.lora_B.weight`)!
  const [rank = 0, inputs = 0] = a.shape
  const [out = 0] = b.shape
  const delta = new Float64Array(out * inputs)
  for (let i = 0; i < out; i++)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < inputs; j++) delta[i * inputs + j]! += scaling * b.data[i * rank + k]! * a.data[k * inputs + j]!
  return delta
}

describe.skipIf(reasonToSkip !== '')('adding a method (skipped without g++ or a built core)', () => {
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'amalgam-add-method-'))
    copySources()
    original = filesOfCopy()
    addMethod()
    execFileSync(process.execPath, [join(copy, 'scripts/generate.ts')], { cwd: copy, stdio: 'pipe' })
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  test('one registry entry and one native file are enough for recipe, parameters, dispatch and merge', { timeout: 120_000 }, async () => {
    const engine = await buildEngine()

    writeFileSync(join(copy, 'resolve.ts'), resolveScript)
    const printed = execFileSync(process.execPath, ['resolve.ts'], { cwd: copy, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    const { folder, refused } = JSON.parse(printed) as { folder: string; refused: string[] }
    try {
      expect(refused).toEqual(expect.arrayContaining(['parameter-invalid']))
      const merged = JSON.parse(
        execFileSync(engine, ['merge', join(copy, 'request.json')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
      ) as { modules: { name: string; norm: number; discardedEnergy: number }[] }
      expect(merged.modules.length).toBeGreaterThan(1)
      for (const { name, norm, discardedEnergy } of merged.modules) {
        const one = update(join(folder, 'one/adapter_model.safetensors'), name, 2)
        const two = update(join(folder, 'two/adapter_model.safetensors'), name, 1)
        const expected = one.map((value, i) => 0.25 * (Math.abs(value) >= Math.abs(two[i]!) ? 2 * value : -two[i]!))
        const actual = update(join(copy, 'merged.safetensors'), name, 1)
        const size = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0))
        expect(Math.sqrt(expected.reduce((sum, value, i) => sum + (value - actual[i]!) ** 2, 0))).toBeLessThan(1e-5 * size)
        expect(Math.abs(norm / size - 1)).toBeLessThan(1e-5)
        expect(discardedEnergy).toBe(0)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('no other hand-written file of the product has changed', () => {
    const changed = [...filesOfCopy()].filter(([path, hash]) => original.get(path) !== hash).map(([path]) => path)
    expect(changed.filter((path) => !path.includes('.generated.')).sort()).toEqual([
      'native/methods/largest_entry.cpp',
      'src-main/contract/methods.ts',
    ])
    expect(changed.filter((path) => path.includes('.generated.')).sort()).toEqual([
      'docs/methods.generated.md',
      'native/methods/dispatch.generated.cpp',
      'native/methods/params.generated.h',
    ])
  })
})
