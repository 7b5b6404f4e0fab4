import * as v from 'valibot'
import { exportResultSchema, type ExportResult } from '../../src-main/contract/export-profiles.ts'

/** What an export job wrote, from its result; null where there is none (yet). */
export function exportedOf(result: unknown): ExportResult | null {
  const read = v.safeParse(exportResultSchema, result)
  return read.success ? read.output : null
}
