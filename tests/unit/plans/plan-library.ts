import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { createPlanComparer, type PlanComparer } from '../../../src-main/plans/plan-comparer.ts'
import type { PlanDescriber } from '../../../src-main/plans/plan-detail.ts'

/** A library of plans with what compares and describes them; gone after the test. */
export interface PlanBench extends PlanDescriber {
  readonly library: Library
  readonly comparer: PlanComparer
  /** Plans of which something new was told. */
  readonly told: string[]
}

export function openPlanBench(atOnce?: number): PlanBench {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-plans-'))
  const library = openLibrary({ folder, log: silentLog })
  const told: string[] = []
  const options = { plans: library.plans, emitPlan: (id: string) => void told.push(id), log: silentLog }
  const comparer = createPlanComparer(atOnce === undefined ? options : { ...options, atOnce })
  onTestFinished(async () => {
    await comparer.close()
    library.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { library, plans: library.plans, comparer, appVersion: '1.0.0', told }
}

/** The first so many of the examples right. */
export function right(correct: number, count = 100): number[] {
  return Array.from({ length: count }, (_, index) => Number(index < correct))
}
