/** Runs a recipe through resolveRecipe and the addon and reads the result by PEFT's rules. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MergeOutcome, RecipeInput } from '../../../src-main/contract/recipe.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { adapterConfig } from '../../../src-main/jobs/adapter-config.ts'
import type { AdapterSource } from '../../../src-main/recipes/adapter-source.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { readPeftAdapter, type Update } from '../../helpers/peft.ts'

export interface Merged {
  readonly updates: Map<string, Update>
  readonly outcome: MergeOutcome
}

/** The merged updates; throws when the recipe is refused. */
export async function mergeUpdates(source: AdapterSource, recipe: RecipeInput): Promise<Merged> {
  const { job, problems, adapters } = resolveDraft(recipe, source, { device: 'cpu' })
  if (!job) throw new Error(problems.map((problem) => `${problem.code}: ${problem.message}`).join('; '))
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-merge-'))
  try {
    mkdirSync(folder, { recursive: true })
    const outcome = await createEngine({ threads: 2 }).merge(job, join(folder, 'adapter_model.safetensors'))
    writeFileSync(join(folder, 'adapter_config.json'), adapterConfig(job, adapters))
    return { updates: readPeftAdapter(folder), outcome }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
