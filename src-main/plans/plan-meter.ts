import type { PlanDetail } from '../contract/plan-run.ts'

type Progress = NonNullable<PlanDetail['progress']>

/** How a running plan goes; kept in memory only. */
export interface PlanMeter {
  readonly progress: Progress
  /** A cell (null: test examples of several) is in work; `open` more are to be made. */
  begin(cell: string | null, kind: string, open: readonly string[]): void
  report(stage: string, fraction: number, etaSeconds: number | null): void
  /** What was begun has ended well. */
  end(): void
}

/** A meter that tells of changes, of fractions at most every so many milliseconds. */
export function createPlanMeter(tell: () => void, now: () => number = () => performance.now()): PlanMeter {
  const intervalMs = 400
  const taken = new Map<string, number[]>()
  let progress: Progress = { cell: null, stage: 'preparing', fraction: 0, etaSeconds: null }
  let current = { kind: '', began: now(), open: [] as readonly string[] }
  let told = -Infinity

  /** Mean of what cells of this kind took, or of all; null before the first. */
  function secondsOf(kind: string): number | null {
    const known = taken.get(kind) ?? [...taken.values()].flat()
    return known.length === 0 ? null : known.reduce((sum, seconds) => sum + seconds, 0) / known.length
  }

  function etaOf(ofCurrent: number | null): number | null {
    const own = secondsOf(current.kind)
    const elapsed = (now() - current.began) / 1000
    const here = ofCurrent ?? (own === null ? null : Math.max(0, own - elapsed))
    const others = current.open.map(secondsOf)
    return here === null || others.some((seconds) => seconds === null) ? null : others.reduce<number>((sum, one) => sum + (one ?? 0), here)
  }

  function set(next: Progress, isNews: boolean): void {
    const changed = isNews || next.stage !== progress.stage
    progress = next
    if (!changed && now() - told < intervalMs) return
    told = now()
    tell()
  }

  return {
    get progress() {
      return progress
    },
    begin(cell, kind, open) {
      current = { kind, began: now(), open }
      set({ cell, stage: 'preparing', fraction: 0, etaSeconds: etaOf(null) }, true)
    },
    report: (stage, fraction, etaSeconds) => set({ cell: progress.cell, stage, fraction, etaSeconds: etaOf(etaSeconds) }, false),
    end() {
      const seconds = (now() - current.began) / 1000
      taken.set(current.kind, [...(taken.get(current.kind) ?? []), seconds])
    },
  }
}
