import { createHash } from 'node:crypto'
import type { AdapterVariant, ScreenId, ScreenResults } from '../../src-main/contract/adapter.ts'
import { screens } from '../../src-main/contract/adapter.ts'
import { errorProblem, warningProblem, type Problem } from '../../src-main/contract/problems.ts'
import type { Library } from '../../src-main/library/open-library.ts'
import type { Listing } from '../../src-main/library/listing.ts'
import { packInspection } from '../../src-main/library/pack-inspection.ts'
import { packModules } from '../../src-main/library/pack-modules.ts'

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const words =
  'sentiment topic news legal medical code math chat story rank summary answers quiz review finance french german tiny large'.split(' ')
const families = ['Llama-3.1-8B', 'Llama-3.2-1B', 'Mistral-7B-v0.3', 'Qwen2.5-7B', 'gemma-2-9b', 'Phi-3-mini', 'OLMo-2-7B', 'pythia-1.4b']
const targetSets = [
  ['q_proj', 'v_proj'],
  ['k_proj', 'o_proj', 'q_proj', 'v_proj'],
  ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'],
  ['down_proj', 'gate_proj', 'up_proj'],
  ['query_key_value'],
  ['o_proj', 'v_proj'],
]
const licences = [null, null, 'apache-2.0', 'mit', 'llama3.1', 'cc-by-nc-4.0', 'other']
const variants: readonly AdapterVariant[] = ['plain', 'plain', 'plain', 'plain', 'frozen-a', 'lori-s', 'extras', 'dora', 'not-static']
const ranks = [4, 8, 16, 16, 32, 64, 128]
/** Rows written in one transaction. */
const chunk = 1000

/** Fills `library` with `count` made-up adapters as a hub's worth of them looks, tags and collections included; nothing lies on disk. */
export function fillLibrary(library: Library, count: number, seed = 1): void {
  const random = randomFrom(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const { adapters } = library
  const tags = Array.from({ length: 300 }, (_, index) => `${one(words)} ${index}`)
  const collections = Array.from({ length: 60 }, (_, index) => library.collections.create(`Set ${index} of ${one(words)}`).id ?? '')
  const members = new Map<string, string[]>(collections.map((id) => [id, []]))
  const modules = new Map(targetSets.map((targets) => [targets, packModules(modulesOf(targets))]))
  // With spectra, so that an app that opens the library has nothing left to compute.
  const inspections = new Map(targetSets.map((targets) => [targets, packInspection(modulesOf(targets), new Map(), null)]))
  for (let from = 0; from < count; from += chunk) {
    adapters.writes.together(() => {
      for (let index = from; index < Math.min(count, from + chunk); index++) {
        const targets = one(targetSets)
        const rank = one(ranks)
        const name = `${one(words)}-${one(words)}-r${rank}-${index}`
        const problems: Problem[] = random() < 0.15 ? [warningProblem('targets-disagree', 'The config names other modules than the file.', { where: { field: 'target_modules' }, hint: 'Trust the file.' })] : [] // prettier-ignore
        const refused = random() < 0.03
        if (refused) problems.unshift(errorProblem('shape-mismatch', 'The factors do not fit together.', { hint: 'Download it again.' }))
        const listing: Listing = {
          ...{ folder: `/pools/${one(words)}/${Math.floor(index / 50)}/${name}`, weightsPath: null, stamp: `${index}:1:1|${index}:2:2` },
          ...{ name, baseModelName: random() < 0.05 ? null : `org-${Math.floor(random() * 5)}/${one(families)}`, ranks: `[${rank}]` },
          ...{ alphas: `[${rank * 2}]`, scaling: '[2]', targetModules: JSON.stringify(targets), layers: 32, maxRank: rank },
          ...{ maxScaling: one([1, 2, 2, 0.5]), dtype: 'float32', sizeBytes: 1e6 * rank + index, variant: one(variants), useRslora: false },
          ...{
            licence: one(licences),
            modules: modules.get(targets)!,
            ignoredTensors: '[]',
            cardTags: '[]',
            config: '{"peft_type":"LORA"}',
            problems,
          },
          ...{ refused, screens: JSON.stringify(screensOf(random)) },
        }
        const row = adapters.writes.insert(listing, { origin: random() < 0.05 ? 'merged' : 'imported', addedAt: new Date(1.7e12 + index * 6e4).toISOString() }) // prettier-ignore
        const content = hashOf(`content ${index}`)
        adapters.writes.setHashes(row.seq, content, random() < 0.04 ? hashOf(`factors ${index % 97}`) : hashOf(`factors of ${index}`))
        if (!refused && random() < 0.99) {
          const checked = {
            status: 'ok',
            variant: listing.variant,
            norm: 1 + random() * 50,
            norms: null,
            inspection: { ...inspections.get(targets)!, effectiveRank: rank * (0.2 + 0.7 * random()) },
            problems,
          } as const
          adapters.writes.setChecked(row.seq, { ...checked, screens: screensOf(random) }) // prettier-ignore
        }
        if (random() < 0.02) adapters.paths.setPresent(listing.folder, false)
        if (random() < 0.6)
          adapters.writes.addTags(
            row.seq,
            Array.from({ length: 1 + Math.floor(random() * 4) }, () => one(tags)),
          )
        if (random() < 0.03) adapters.setFavourite([row.id], true)
        if (random() < 0.1) adapters.setNotes(row.id, `Trained on ${one(words)} and ${one(words)}; ${one(words)} looked best.`)
        if (random() < 0.5) members.get(one(collections))!.push(row.id)
      }
    })
  }
  for (const [id, ids] of members) if (ids.length > 0) library.collections.edit(ids, [id], [])
}

function modulesOf(targets: readonly string[]): Parameters<typeof packModules>[0] {
  return Array.from({ length: 32 }, (_, layer) =>
    targets.map((moduleKind) => ({
      ...{ name: `model.layers.${layer}.${moduleKind}`, layer, moduleKind, in: 64, out: 64, rank: 4, alpha: 8, scaling: 2 },
      ...{ dtype: 'float32' as const, tensorA: `${layer}.${moduleKind}.lora_A.weight`, tensorB: `${layer}.${moduleKind}.lora_B.weight`, norm: null }, // prettier-ignore
    })),
  ).flat()
}

function screensOf(random: () => number): ScreenResults {
  return Object.fromEntries(Object.keys(screens).map((screen) => [screen, random() > 0.06])) as Record<ScreenId, boolean>
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
