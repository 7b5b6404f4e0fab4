import type { AdaptationDetail } from '../contract/adapt.ts'
import { hashOf } from '../jobs/evaluate-key.ts'
import { cellFingerprint } from './cell-fingerprint.ts'
import type { CellToRun, MadeCell, PlanServices } from './plan-services.ts'

/** The fingerprint of a cell whose names were found. */
export function fingerprintOf({ plan, cell }: CellToRun, { library }: Pick<PlanServices, 'library'>): string {
  return cellFingerprint({
    cell,
    own: plan.file.arms.find(({ role }) => role === 'own') ?? null,
    testLimit: plan.file.testLimit,
    taskHash: taskOf(plan, cell.task, library).hash,
    baseHash: library.bases.get(plan.baseId)?.contentHash ?? '',
    poolHashes: poolHashesOf(plan, library),
  })
}

/** Content hashes of a plan's pool, in its order. */
export function poolHashesOf({ pool }: CellToRun['plan'], { adapters }: PlanServices['library']): readonly string[] {
  return adapters.byIds([...pool]).map(({ contentHash }) => contentHash ?? '')
}

/** The task of a name in a resolved plan. */
export function taskOf({ taskIds }: CellToRun['plan'], name: string, { tasks }: PlanServices['library']) {
  const task = tasks.get(taskIds.get(name) ?? name)
  if (!task) throw new Error(`the task ${name} of a resolved plan is not found`)
  return task
}

/** The adapter that a cell made, as its result names it. */
export function adapterOf(id: string | null, { adapters }: PlanServices['library']): MadeCell['result']['adapter'] {
  const found = id === null ? null : adapters.get(id)
  if (!found) return null
  return { name: found.name, contentHash: found.contentHash ?? '', tensorHash: found.tensorHash ?? '', path: found.paths[0] ?? null }
}

/** What a result depends on, in words: hashes, versions, seed, device. */
export function provenanceOf(toRun: CellToRun, detail: AdaptationDetail | null, services: PlanServices): Record<string, string> {
  const { library, adapt, appVersion } = services
  const { plan, cell, ownId } = toRun
  const { device, processor, instructions, threads, nativeBuild } = adapt.engine.devices()
  const own = ownId === null ? null : library.adapters.get(ownId)
  return {
    ...{
      appVersion,
      nativeBuild: nativeBuild ?? 'not built',
      platform: `${process.platform} ${process.arch}, Node ${process.versions.node}`,
    },
    device: detail?.provenance['device'] ?? `${device} (${processor}, ${instructions})`,
    threads: String(threads),
    base: library.bases.get(plan.baseId)?.contentHash ?? '',
    task: taskOf(plan, cell.task, library).hash,
    pool: `${plan.pool.length} adapters, ${hashOf(poolHashesOf(plan, library))}`,
    ...(cell.seed !== null && { seed: String(cell.seed) }),
    ...(own?.contentHash && { own: own.contentHash }),
    ...(detail?.provenance['fingerprint'] !== undefined && { adaptation: detail.provenance['fingerprint'] }),
  }
}
