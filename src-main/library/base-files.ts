import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isSystemError, stampOf, type Stamp } from './read-file.ts'

/** Files beside the weights that results depend on; those that are there belong to a base model's identity. */
export const identityFiles = [
  'chat_template.jinja',
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
] as const

const weightsEnding = '.safetensors'
const indexName = 'model.safetensors.index.json'

/** A file of a checkpoint as it is now. */
export interface BaseFile {
  readonly path: string
  readonly stamp: Stamp
}

/** The files of the checkpoint in `folder` that say what it is, in the order of their names; empty where there are none, null where there is no folder. */
export async function baseFiles(folder: string): Promise<readonly BaseFile[] | null> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if (isSystemError(error)) return null
    throw error
  }
  const wanted = names.filter((name) => isIdentityFile(name) || name === indexName || name.endsWith(weightsEnding)).toSorted()
  const files = await Promise.all(wanted.map((name) => fileAt(join(folder, name))))
  return files.filter((file) => file !== null)
}

/** Names and stamps as one text: equal texts mean that nothing changed. */
export function baseStamp(files: readonly BaseFile[]): string {
  return files.map(({ path, stamp }) => `${basename(path)}=${stamp}`).join('|')
}

/** The files that a base model's content hash is taken over: its weights (absolute paths) and what is there of the identity files. */
export function hashedFiles(files: readonly BaseFile[], weights: readonly string[]): readonly BaseFile[] {
  const names = new Set(weights.map((path) => basename(path)))
  return files.filter(({ path }) => names.has(basename(path)) || isIdentityFile(basename(path)))
}

/** SHA-256 over name and SHA-256 (hexadecimal) of each file, in the order of their names. */
export function baseHashOf(hashes: readonly (readonly [path: string, sha256: string])[]): string {
  const hash = createHash('sha256')
  const rows = hashes.map(([path, sha256]) => `${basename(path)}\0${sha256}\n`)
  for (const row of rows.toSorted()) hash.update(row)
  return hash.digest('hex')
}

function isIdentityFile(name: string): boolean {
  return (identityFiles as readonly string[]).includes(name)
}

/** Null for what vanished meanwhile, a broken link, and what is no plain file. */
async function fileAt(path: string): Promise<BaseFile | null> {
  try {
    const stats = await stat(path, { bigint: true })
    return stats.isFile() ? { path, stamp: stampOf(stats) } : null
  } catch (error) {
    if (isSystemError(error)) return null
    throw error
  }
}
