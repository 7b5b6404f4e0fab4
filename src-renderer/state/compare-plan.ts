import type { PlanCheck } from '../../src-main/contract/plan-run.ts'
import type { PlanFile } from '../../src-main/contract/plan.ts'
import { formatDuration } from '../format/durations.ts'
import { formatCount, formatExact } from '../format/numbers.ts'
import { listWords, plural } from '../format/words.ts'

/** Most seeds of a plan. */
const mostSeeds = 100

/** Seeds as typed, "1, 2, 3" or "1-5", without repetitions; null where the text is not that. */
export function seedsOf(text: string): readonly number[] | null {
  const parts = text.split(/[,\s]+/).filter((part) => part !== '')
  const seeds: number[] = []
  for (const part of parts) {
    const range = /^(\d+)(?:[-–](\d+))?$/.exec(part)
    if (!range) return null
    const from = Number(range[1])
    const to = Number(range[2] ?? range[1])
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to < from || to - from >= mostSeeds) return null
    for (let seed = from; seed <= to; seed += 1) seeds.push(seed)
  }
  const distinct = [...new Set(seeds)]
  return distinct.length > 0 && distinct.length <= mostSeeds ? distinct : null
}

/** Seeds as a person would type them. */
export function seedsText(seeds: readonly number[]): string {
  const runs = seeds.length > 2 && seeds.every((seed, index) => index === 0 || seed === (seeds[index - 1] ?? 0) + 1)
  return runs ? `${seeds[0]}-${seeds.at(-1)}` : seeds.join(', ')
}

/** The name under which a plan's file speaks of something of the library: its name where no other has it, else its id. */
export function nameInPlan(item: { readonly id: string; readonly name: string }, all: readonly { readonly name: string }[]): string {
  return all.filter(({ name }) => name === item.name).length === 1 ? item.name : item.id
}

/** What a plan will do, in one line. */
export function planSentence(plan: PlanFile, check: Pick<PlanCheck, 'cells' | 'etaSeconds' | 'device' | 'pool'>): string {
  const examples = listWords(plan.budgets.map((budget) => (budget === null ? 'all' : formatCount(budget))))
  const time =
    check.etaSeconds === null ? 'time not known before the first run on this device' : `about ${formatDuration(check.etaSeconds)}`
  return [
    `Runs ${plural(plan.arms.length, 'arm')} on ${plural(plan.tasks.length, 'task')} with ${examples} labelled examples`,
    `${plan.seeds.length === 1 ? '' : ` over ${plural(plan.seeds.length, 'seed')}`}`,
    ` and ${check.pool === 0 ? 'no pool' : `a pool of ${plural(check.pool, 'adapter')}`}: `,
    `${plural(check.cells.length, 'job')}, one after the other${check.device === '' ? '' : ` on ${check.device}`}; ${time}.`,
  ].join('')
}

/** "300 rows can show 6 points, not 2": what a test of this size can tell. */
export function detectableWords(test: number, detectable: number | null, margin: number): string {
  if (detectable === null) return `${plural(test, 'test example')}: too few for an interval`
  const points = (share: number): string => formatExact(Number((100 * share).toFixed(share < 0.1 ? 1 : 0)))
  const rows = plural(test, 'row')
  return detectable <= margin
    ? `${rows} can show ${points(margin)} points`
    : `${rows} can show ${points(detectable)} points, not ${points(margin)}`
}
