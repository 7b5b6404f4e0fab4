/** Thousands of damaged inputs for everything that is read besides weights; each answers in words, within a second, and nothing is thrown. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { libraryQuerySchema } from '../../../src-main/contract/library-query.ts'
import { Refusal, type Problem } from '../../../src-main/contract/problems.ts'
import { createInbox } from '../../../src-main/host/upload.ts'
import { parseModelCard } from '../../../src-main/library/model-card.ts'
import { openLibrary } from '../../../src-main/library/open-library.ts'
import { parsePeftConfig } from '../../../src-main/library/peft-config.ts'
import { parseHeader } from '../../../src-main/library/parse-header.ts'
import { readUpdate } from '../../../src-main/library/read-update.ts'
import { scanFolders } from '../../../src-main/library/scan-folders.ts'
import { silentLog, type Log } from '../../../src-main/platform/log.ts'
import { openSettings } from '../../../src-main/platform/settings.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { makeAdapter, tinyConfig } from '../../helpers/adapters.ts'
import { makePool, type Pool } from '../recipes/pool.ts'
import { answersAll } from './answers.ts'
import { chance, damage, fragments, oddFields, oddValue } from './random.ts'

const folder = mkdtempSync(join(tmpdir(), 'amalgam-fuzz-'))
let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('a', { seed: 1 })
  pool.add('b', { seed: 2, r: 2 })
})
afterAll(() => {
  pool.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The problems of a Refusal; anything else goes on. */
async function refusalOf(work: () => unknown): Promise<readonly Problem[]> {
  try {
    await work()
    return []
  } catch (error) {
    if (error instanceof Refusal) return error.problems
    throw error
  }
}

describe('adapter_config.json', () => {
  const config = {
    ...tinyConfig(),
    rank_pattern: { q_proj: 8 },
    alpha_pattern: { 'layers.0.self_attn.k_proj': 4 },
    layers_to_transform: [0],
  }
  const tensors = parseHeader(Buffer.from('{"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]},"base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[32,64]}}'), 64) // prettier-ignore
  if ('code' in tensors) throw new Error(tensors.message)
  const read = (bytes: Uint8Array): readonly Problem[] => {
    const { config: parsed, problems } = parsePeftConfig(bytes)
    if (!parsed) return problems
    const { inConfig, inWeights } = readUpdate(parsed, tensors)
    return [...problems, ...inConfig, ...inWeights]
  }

  test('10,000 with damaged text', async () => {
    const text = JSON.stringify(config, null, 2)
    const counts = await answersAll(10_000, (number) => read(Buffer.from(damage(text, chance(number)), number % 2 ? 'utf8' : 'latin1')))
    expect(counts.refused).toBeGreaterThan(5000)
    expect(counts.accepted).toBeGreaterThan(20)
  })

  test('10,000 with odd fields', async () => {
    const names = ['rank_pattern', 'alpha_pattern', 'target_modules', 'use_rslora', 'layers_pattern', 'modules_to_save', '__proto__']
    const counts = await answersAll(10_000, (number) => {
      const random = chance(1_000_000 + number)
      return read(Buffer.from(JSON.stringify(oddFields(config, random, names)) ?? 'null'))
    })
    expect(counts.refused).toBeGreaterThan(2000)
    expect(counts.accepted).toBeGreaterThan(100)
  })
})

test('README.md: 10,000 cards with damaged front matter', async () => {
  const card = '---\nlicense: apache-2.0\nbase_model: test/tiny\ntags:\n- a\n- "b: c"\nmodel-index:\n- name: x\n---\n# Title\ntext'
  let told = 0
  await answersAll(10_000, (number) => {
    const { licence, baseModelName } = parseModelCard(damage(number % 3 === 0 ? `${card}\n${card}` : card, chance(number)))
    for (const fact of [licence, baseModelName])
      if (fact !== null && (typeof fact !== 'string' || fact.length > 1000)) throw new Error(String(fact))
    if (licence !== null) told += 1
    return []
  })
  expect(told).toBeGreaterThan(100)
})

describe('recipes', { timeout: 120_000 }, () => {
  const recipe = {
    method: 'linear',
    adapters: [
      { adapter: 'a', coefficient: 0.7 },
      { adapter: 'b', coefficient: { default: 0.5, rules: [{ modules: 'q_proj|v_proj', layers: [0, 1], value: 0.9 }] } },
    ],
    params: {},
    output: { rank: 4, dtype: 'float32', padTo: 'none', name: 'made' },
    seed: 1,
  }
  const yaml = 'method: linear\nadapters:\n  - adapter: a\n    coefficient: 0.7\n  - adapter: b\n    coefficient: {default: 1, rules: [{modules: "q_proj|v_proj", value: 0.9}]}\noutput: { rank: 4, dtype: float32, padTo: none }\nseed: 1\n' // prettier-ignore
  const read = (draft: unknown): readonly Problem[] => resolveDraft(draft, pool, { device: 'cpu' }).problems

  test('10,000 damaged texts, YAML and JSON', async () => {
    const json = JSON.stringify(recipe, null, 1)
    const counts = await answersAll(10_000, (number) => read(damage(number % 2 ? yaml : json, chance(number))))
    expect(counts.refused).toBeGreaterThan(5000)
    expect(counts.accepted).toBeGreaterThan(100)
  })

  test('10,000 drafts with odd fields', async () => {
    const names = ['params', 'seed', 'density', 'rules', 'adapters', 'method', 'output']
    const counts = await answersAll(10_000, (number) => read(oddFields(recipe, chance(2_000_000 + number), names)))
    expect(counts.refused).toBeGreaterThan(3000)
    expect(counts.accepted).toBeGreaterThan(100)
  })
})

test('library queries: 5,000 odd ones are refused by the contract or answered', async () => {
  const library = openLibrary({ folder: join(folder, 'library'), log: silentLog })
  const query = {
    text: 'q proj',
    filters: [
      { facet: 'rank', mode: 'all', values: ['4', '8'] },
      { facet: 'is', values: ['favourite'] },
    ],
    sort: { column: 'norm', descending: true },
    offset: 0,
    limit: 10,
  }
  let answered = 0
  await answersAll(5000, (number) => {
    const random = chance(number)
    const asked = random.oneIn(2) ? { ...query, text: damage(random.of(fragments), random), filters: [] } : oddFields(query, random)
    const parsed = v.safeParse(libraryQuerySchema, asked)
    if (!parsed.success) return []
    library.adapters.list(parsed.output)
    library.adapters.ids(parsed.output)
    answered += 1
    return []
  })
  library.close()
  expect(answered).toBeGreaterThan(1000)
})

test('settings.json: 3,000 damaged files give defaults or valid settings, and what was bad is kept', async () => {
  const place = join(folder, 'settings')
  mkdirSync(place)
  const file = join(place, 'settings.json')
  let bad = 0
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) }
  const good = { appearance: 'dark', threads: 3, outputFolder: null, layout: { a: 'b' } }
  await answersAll(3000, (number) => {
    const random = chance(number)
    const text = random.oneIn(2) ? damage(JSON.stringify(good), random) : JSON.stringify(oddFields(good, random))
    writeFileSync(file, text ?? 'null')
    const { appearance, threads } = openSettings(place, log).get()
    expect(['system', 'light', 'dark']).toContain(appearance)
    expect(Number.isInteger(threads) && threads >= 0).toBe(true)
    if (!existsSync(file)) bad += 1
    return []
  })
  expect(bad).toBeGreaterThan(500)
  expect(warnings).toHaveLength(bad)
  expect(existsSync(`${file}.bad`)).toBe(true)
})

describe('dropped paths', () => {
  const pathOf = (random: ReturnType<typeof chance>): string =>
    damage(random.of(['a/adapter_config.json', 'deep/er/folder/adapter_model.safetensors', '../up', '/etc/passwd', 'C:\\x', '']), random)

  test('3,000 uploads are stored inside the inbox or refused', async () => {
    const inbox = join(folder, 'inbox')
    const { receive } = createInbox(inbox)
    const before = readdirSync(folder).sort()
    const counts = await answersAll(3000, (number) => {
      const random = chance(number)
      const drop = random.oneIn(10) ? damage('drop', random) : `drop-${number}`
      return refusalOf(async () => {
        const stored = await receive(drop, pathOf(random), Readable.from([Buffer.from('x')]))
        expect(resolve(stored).startsWith(`${inbox}${sep}`)).toBe(true)
      })
    })
    expect(counts.refused).toBeGreaterThan(500)
    expect(counts.accepted).toBeGreaterThan(300)
    expect(readdirSync(folder).sort()).toEqual([...before, 'inbox'].sort())
  })

  test('3,000 paths to look through are found or refused', async () => {
    const place = makeAdapter(join(folder, 'scan/adapter'), { seed: 3 })
    const counts = await answersAll(3000, (number) => {
      const random = chance(number)
      const odd = join(folder, 'scan', random.oneIn(2) ? pathOf(random).slice(0, 5000) : String(oddValue(random)))
      // What lies outside is whatever this machine holds there.
      const given = random.oneIn(10) ? place : odd.startsWith(join(folder, 'scan')) ? odd : join(folder, 'scan', 'a\0b')
      const problems: Problem[] = []
      scanFolders(
        [given],
        (event) => void (event.kind === 'refused' && problems.push(event.problem)),
        () => false,
      )
      return problems
    })
    expect(counts.refused).toBeGreaterThan(1000)
    expect(counts.accepted).toBeGreaterThan(100)
  })
})
