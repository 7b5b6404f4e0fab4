import type { PlanDetail } from '../contract/plan-run.ts'
import type { ReportDocument, ReportSection } from './document.ts'
import { counted, shownMoment } from './numbers.ts'
import { mainVerdict, placeWords, type ReportInput } from './plan-view.ts'
import { armsSection } from './sections/arms.ts'
import { costsSection } from './sections/costs.ts'
import { differencesSection } from './sections/differences.ts'
import { ablationSection, agreementSection, contentsSection } from './sections/inside.ts'
import { limitsSection } from './sections/limits.ts'
import { problemsSection, provenanceSection } from './sections/provenance.ts'
import { settingSection } from './sections/setting.ts'
import { curvesSection, stairsSection } from './sections/stairs-and-curves.ts'
import { verdictSection } from './sections/verdict.ts'

/** The report of a plan, in reading order. The same results give the same report: no clock, no file and no library is asked. */
export function buildReport(input: ReportInput): ReportDocument {
  const { detail } = input
  const main = mainVerdict(detail)
  const sections: readonly (ReportSection | null)[] = [
    verdictSection(detail),
    armsSection(detail),
    differencesSection(detail),
    stairsSection(detail),
    curvesSection(detail),
    costsSection(detail),
    agreementSection(input),
    contentsSection(input),
    ablationSection(detail),
    settingSection(detail),
    limitsSection(detail),
    provenanceSection(detail),
    problemsSection(detail),
  ]
  return {
    title: detail.file.title,
    subtitle: subtitleOf(detail),
    headline: spoken(main?.verdict.headline) ?? `There is no verdict: ${detail.done} of ${counted(detail.total, 'job')} are done.`,
    strength: main ? `${placeWords(detail, main.verdict.task, main.comparison.budget)}. ${spoken(main.verdict.strength)}` : '',
    statement: spoken(main?.verdict.statement) ?? '',
    toDecide: spoken(main?.verdict.toDecide),
    sections: sections.filter((section) => section !== null),
  }
}

function subtitleOf({ file, baseName, endedAt, createdAt, done, total }: PlanDetail): string {
  const parts = [
    `Is recycling worth it on ${baseName}?`,
    `${counted(file.tasks.length, 'task')}, ${counted(file.arms.length, 'arm')}, ${counted(file.seeds.length, 'seed')}`,
    `${done} of ${counted(total, 'job')} done`,
    shownMoment(endedAt ?? createdAt),
  ]
  return parts.join(' \u00b7 ')
}

/** A verdict's words with the minus sign of the tables. */
function spoken(text: string | null | undefined): string | null {
  return text?.replaceAll(/(?<=^|[\s(])-(?=\d)/g, '\u2212') ?? null
}
