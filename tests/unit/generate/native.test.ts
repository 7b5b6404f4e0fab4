import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { nativeFiles } from '../../../scripts/generate/native.ts'
import { methods, type MethodEntry } from '../../../src-main/contract/methods.ts'

const root = join(import.meta.dirname, '../../..')

/** Entries of every kind, with every kind of parameter at both levels. */
const sample: readonly MethodEntry[] = [
  {
    ...methods[1],
    id: 'sample_core',
    params: [
      { kind: 'number', id: 'density', label: 'Density', help: 'Share of entries kept.', per: 'recipe', default: 0.2 },
      {
        kind: 'choice',
        id: 'signRule',
        label: 'Sign rule',
        help: 'Who decides.',
        per: 'recipe',
        default: 'total',
        options: [
          { id: 'total', label: 'Total' },
          { id: 'byCount', label: 'Count' },
        ],
      },
      { kind: 'integer', id: 'restarts', label: 'Restarts', help: 'Number of starts.', per: 'recipe', default: 10 },
    ],
  },
  {
    ...methods[0],
    id: 'sample_factors',
    params: [{ kind: 'flag', id: 'balanceFirst', label: 'Balance', help: 'Balance the factors first.', per: 'adapter', default: true }],
  },
  {
    ...methods[0],
    id: 'sample_tiles',
    kind: 'on_tiles',
    params: [{ kind: 'number', id: 'density', label: 'Density', help: 'Share of entries kept.', per: 'recipe', default: 0.2 }],
  },
  {
    ...methods[0],
    id: 'sample_cluster',
    kind: 'cluster',
    params: [
      { kind: 'integer', id: 'k', label: 'Clusters', help: 'Number of clusters.', per: 'recipe', default: 'auto', automatic: 'mean-rank' },
    ],
  },
]

test('the checked-in native files are what the registry generates', () => {
  for (const [path, text] of nativeFiles(methods)) {
    expect(readFileSync(join(root, path), 'utf8'), `${path}: run npm run generate`).toBe(text)
  }
})

test('every method has one native file, whose first line is its reference', () => {
  const files = readdirSync(join(root, 'native/methods')).filter((name) => name.endsWith('.cpp') && !name.includes('.generated.'))
  expect(files.filter((name) => name !== 'method.cpp').sort()).toEqual(methods.map((entry) => `${entry.id}.cpp`).sort())
  for (const entry of methods) {
    const firstLine = readFileSync(join(root, `native/methods/${entry.id}.cpp`), 'utf8').split('\n')[0]
    expect(firstLine).toBe(`// ${entry.reference}`)
  }
})

test('parameters become typed members, enumerations and reads, and no default is written', () => {
  const files = nativeFiles(sample)
  const params = files.get('native/methods/params.generated.h') ?? ''
  expect(params).toContain('enum class SampleCoreSignRule { total, by_count };')
  expect(params).toContain(
    '  double density;  ///< Share of entries kept.\n  SampleCoreSignRule sign_rule;  ///< Who decides.\n  std::int64_t restarts;',
  )
  expect(params).toContain('struct SampleFactorsAdapterParams {\n  bool balance_first;')
  expect(params).toContain('std::vector<SampleFactorsAdapterParams> adapters;')
  expect(params).not.toMatch(/0\.2|= 10|= true/)
  const dispatch = files.get('native/methods/dispatch.generated.cpp') ?? ''
  expect(dispatch).toContain('check_names(params, {"density", "signRule", "restarts"});')
  expect(dispatch).toContain('{{"total", SampleCoreSignRule::total}, {"byCount", SampleCoreSignRule::by_count}}')
  expect(dispatch).toContain('core::Matrix<double> sample_core(const Cores&, const SampleCoreParams&);')
})

test('each of the four kinds has its signature', () => {
  const dispatch = nativeFiles(sample).get('native/methods/dispatch.generated.cpp') ?? ''
  expect(dispatch).toContain('core::Matrix<double> sample_core(const Cores&, const SampleCoreParams&);')
  expect(dispatch).toContain('lora::RankUnits sample_factors(lora::RankUnits, const SampleFactorsParams&);')
  expect(dispatch).toContain('OnTiles sample_tiles(const SampleTilesParams&);')
  expect(dispatch).toContain('lora::RankUnits sample_cluster(const UnitPool&, const SampleClusterParams&);')
})

test('the help of a parameter is the comment of its member, and "auto" is no matter of the native core', () => {
  const params = nativeFiles(sample).get('native/methods/params.generated.h') ?? ''
  expect(params).toContain('  std::int64_t k;  ///< Number of clusters.\n')
  expect(params).not.toContain('auto')
})

const compiler = spawnSync('g++', ['--version']).status === 0

test.skipIf(!compiler)('what is generated for every kind of parameter compiles (skipped without g++)', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-generate-'))
  try {
    mkdirSync(join(folder, 'methods'))
    for (const [path, text] of nativeFiles(sample)) writeFileSync(join(folder, basename(dirname(path)), basename(path)), text)
    const flags = ['-std=c++20', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-I', folder, '-I', join(root, 'native')]
    execFileSync('g++', [...flags, join(folder, 'methods/dispatch.generated.cpp')], { stdio: 'pipe' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
