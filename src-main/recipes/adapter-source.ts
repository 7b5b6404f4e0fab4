import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AdapterDetail } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'

/** What resolving needs of the library. */
export interface AdapterSource {
  /** The adapter that a path (relative ones start from `relativeTo`), an id or a unique name means, or why there is none. */
  find(reference: string, relativeTo?: string): { readonly id: string } | Problem
  get(id: string): AdapterDetail | null
}

/** True when `find` answered with a problem. */
export function isProblem(found: { readonly id: string } | Problem): found is Problem {
  return 'code' in found
}

/** Name of the weights file in an adapter's folder, as PEFT writes it. */
export const weightsName = 'adapter_model.safetensors'

/** The first existing weights file among the places where an adapter lies (folders, or the file itself); null when all are gone. */
export function weightsFileOf(paths: readonly string[]): string | null {
  const files = paths.map((path) => (path.endsWith('.safetensors') ? path : join(path, weightsName)))
  return files.find((file) => existsSync(file)) ?? null
}
