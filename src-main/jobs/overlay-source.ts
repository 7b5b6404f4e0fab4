import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AdapterDetail, AdapterModule } from '../contract/adapter.ts'
import { weightsName, type AdapterSource } from '../recipes/adapter-source.ts'
import type { UsableAdapter } from './adapt-types.ts'

/** The library's adapters and, before them, some that lie in a job's work folder and are in no library. */
export function withOverlay(source: AdapterSource, made: readonly UsableAdapter[]): AdapterSource {
  const own = new Map(made.map(({ id, detail }) => [id, detail]))
  return {
    find: (reference, relativeTo) => (own.has(reference) ? { id: reference } : source.find(reference, relativeTo)),
    get: (id) => own.get(id) ?? source.get(id),
  }
}

/** What an adapter of the work folder is; everything else is as in the adapter that it stands for. */
export interface MadeAdapter {
  readonly id: string
  readonly name: string
  /** Of all that its content follows from. */
  readonly contentHash: string
  readonly folder: string
  readonly modules: readonly AdapterModule[]
}

/** An adapter in a job's work folder as jobs take adapters. Its weights file is adapter_model.safetensors in `folder`. */
export function madeAdapter(like: AdapterDetail, { id, name, contentHash, folder, modules }: MadeAdapter): UsableAdapter {
  const facts = { status: 'ok' as const, variant: 'plain' as const, ignoredTensors: [], problems: [], lineage: null }
  const detail: AdapterDetail = {
    ...{ ...like, ...facts, id, name, contentHash, tensorHash: contentHash, paths: [folder], modules: [...modules] },
    updateNorm: modules.some(({ norm }) => norm === null) ? null : Math.hypot(...modules.map(({ norm }) => norm ?? 0)),
  }
  return {
    ...{ id, name, contentHash, detail },
    weightsFile: join(folder, weightsName),
    modules: modules.map((module) => ({
      ...{ name: module.name, a: module.tensorA, b: module.tensorB, rank: module.rank, in: module.in, out: module.out },
      scaling: module.scaling,
    })),
  }
}

/** Makes the folder of an adapter that is about to be written there. Jobs only take adapters that have a config beside their weights. */
export async function makeAdapterFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'adapter_config.json'), '{}\n')
  return join(folder, weightsName)
}
