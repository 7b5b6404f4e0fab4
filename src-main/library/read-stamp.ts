import { statSync } from 'node:fs'
import { join } from 'node:path'
import { configName, weightsName } from './read-adapter.ts'
import { stampOf, type Stamp } from './read-file.ts'

/** The stamp that reading the adapter in `folder` would give now; null when it has no weights file or no config (any more). */
export function currentStamp(folder: string): Stamp | null {
  const weights = statSync(join(folder, weightsName), { bigint: true, throwIfNoEntry: false })
  const config = statSync(join(folder, configName), { bigint: true, throwIfNoEntry: false })
  return weights && config ? `${stampOf(weights)}|${stampOf(config)}` : null
}

/** The weights file's part of an adapter's stamp. */
export function weightsStamp(stamp: Stamp): Stamp {
  return stamp.slice(0, stamp.indexOf('|'))
}

/** Size of the weights file in an adapter's stamp, in bytes. */
export function weightsBytes(stamp: Stamp): number {
  return Number(stamp.slice(0, stamp.indexOf(':')))
}
