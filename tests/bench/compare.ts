import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { PlanFileInput } from '../../src-main/contract/plan.ts'
import { planPresets } from '../../src-main/contract/plan-presets.ts'
import type { PlanCell } from '../../src-main/contract/plan-run.ts'
import { chromiumFlags, findChromium } from '../e2e/chromium.ts'
import { launchWeb } from '../e2e/launch.ts'
import { demoKit } from '../helpers/demo.ts'
import { openTestServices } from '../helpers/services.ts'
import { fillLargePlan, largePlanSize } from './large-plan.ts'
import type { Measure, Trial } from './trial.ts'

/** The demo task that the plans are run on. */
const task = 'sentiment_stars'

/** The arm that is really run alone, beside what the whole plan says it would take. */
const aloneArm = 'tuned'

interface RunPlan {
  readonly seconds: number
  readonly cells: readonly PlanCell[]
}

/** Runs a plan of a preset's arms in a fresh library that holds the demo kit, and takes the time. */
async function runPreset(preset: string, scratch: string, only: readonly string[] | null = null): Promise<RunPlan> {
  const { plan: arms } = planPresets.find(({ id }) => id === preset)!
  const { services, close } = openTestServices(join(scratch, `${preset}-${only?.join('-') ?? 'all'}`))
  try {
    const { importer, bases, library, plans } = services
    await importer.finished(importer.start([join(demoKit, 'adapters')]).id!)
    await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
    await library.tasks.add(join(demoKit, 'tasks', `${task}.task.json`))
    const file: PlanFileInput = { version: 1, title: preset, base: 'base-model', tasks: [task], ...arms, arms: arms.arms.filter(({ id }) => only === null || only.includes(id)) } // prettier-ignore
    const started = performance.now()
    const { planId, problems } = await plans.start(file)
    if (planId === null) throw new Error(problems.map(({ message }) => message).join(' '))
    await plans.whenEnded(planId)
    const seconds = (performance.now() - started) / 1000
    const cells = library.plans.cells(planId)
    const open = cells.filter(({ state }) => state !== 'done')
    if (open.length > 0) throw new Error(`${open.map(({ id, problems: said }) => `${id}: ${said[0]?.message ?? ''}`).join('; ')}`)
    return { seconds, cells }
  } finally {
    await close()
  }
}

/** Seconds that a cell takes where nothing is shared. */
function aloneSeconds({ cost }: PlanCell): number {
  return cost === null ? 0 : cost.selection.seconds + cost.own.seconds + cost.learning.seconds + cost.test.seconds
}

/** Milliseconds from the choice of a large plan until the verdict and the first chart are drawn. */
export async function openPlan(scratch: string): Promise<number> {
  const folder = join(scratch, 'large')
  await fillLargePlan(folder)
  const found = findChromium()
  if (found.path === null) throw new Error(found.reason)
  const app = await launchWeb({ libraryFolder: folder })
  const browser = await chromium.launch({ executablePath: found.path, args: [...chromiumFlags] })
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } })
    await page.goto(app.address)
    const section = page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: 'Compare', exact: true })
    await section.click()
    await page.getByRole('button', { name: 'Plans (1)' }).click()
    const plan = page.getByRole('dialog').getByRole('button').or(page.locator('[popover] li button, .popover li button')).first()
    await plan.waitFor()
    const started = performance.now()
    await plan.click()
    await page.getByRole('region', { name: 'Verdict' }).waitFor()
    await page.getByRole('figure').first().waitFor()
    return performance.now() - started
  } finally {
    await browser.close()
    await app.close()
  }
}

export const compare: Trial = {
  name: 'compare',
  summary: `plans on the demo kit: the quick look, the main table on one task, what sharing work saves, and opening a plan of ${largePlanSize}`,
  async run(scratch) {
    const quick = await runPreset('quick_look', scratch)
    const table = await runPreset('main_table', scratch)
    const alone = await runPreset('main_table', scratch, [aloneArm])
    const spent = table.cells.reduce((sum, { cost }) => sum + (cost?.spent.seconds ?? 0), 0)
    const apart = table.cells.reduce((sum, cell) => sum + aloneSeconds(cell), 0)
    const said = aloneSeconds(table.cells.find(({ arm }) => arm === aloneArm)!)
    const measured = alone.cells.reduce((sum, { cost }) => sum + (cost?.spent.seconds ?? 0), 0)
    const measures: Measure[] = [
      { name: 'quick look', value: quick.seconds, unit: 's', limit: 300 },
      { name: 'main table on one task', value: table.seconds, unit: 's', limit: 900 },
      { name: 'main table / sum of its arms alone', value: spent / apart, unit: 'x', limit: 0.8, note: 'as the parts record it' },
      { name: `"${aloneArm}" really run alone / what the plan says of it`, value: measured / said, unit: 'x' },
      { name: 'opening a large plan until its first chart', value: await openPlan(scratch), unit: 'ms', limit: 1000 },
    ]
    return measures
  },
}
