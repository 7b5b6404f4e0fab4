import { exportProfileIds, exportProfiles, type ExportCheck, type ExportProfile } from '../../../src-main/contract/export-profiles.ts'
import { hasError, type Problem } from '../../../src-main/contract/problems.ts'
import { vllmRanks } from '../../../src-main/contract/recipe.ts'
import type { CheckedAdapter } from '../../state/export.svelte.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatCount } from '../../format/numbers.ts'
import { plural } from '../../format/words.ts'

/** The profiles, as the choice shows them. */
export const profileOptions: readonly { readonly value: ExportProfile; readonly label: string }[] = exportProfileIds.map((value) => ({
  value,
  label: exportProfiles[value].label,
}))

/** Ranks that the export may be padded to, given its own; empty where it cannot be padded. */
export function paddedRanks(profile: ExportProfile, rank: number | null): readonly number[] {
  if (rank === null || profile === 'peft') return []
  const above = profile === 'vllm' ? vllmRanks : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
  return above.filter((allowed) => allowed > rank)
}

/** The ranks to which every one of several exports may be padded. */
export function commonPaddedRanks(profile: ExportProfile, checks: readonly CheckedAdapter[]): readonly number[] {
  const ranks = checks.flatMap(({ check }) => check?.rank ?? [])
  return paddedRanks(profile, ranks.length === 0 ? null : Math.max(...ranks))
}

/** What the tool says of the adapter as it is now, in one line. */
export function unchangedWords(profile: ExportProfile, check: ExportCheck): string {
  const tool = exportProfiles[profile].label
  const errors = check.unchanged.filter((problem) => problem.severity === 'error').length
  const warnings = check.unchanged.length - errors
  if (errors > 0) return `As it is, ${tool} would refuse it or get it wrong: ${plural(errors, 'reason')}.`
  if (warnings > 0) return `As it is, ${tool} takes it with ${plural(warnings, 'remark')}.`
  return `As it is, ${tool} takes it without remarks.`
}

/** What the export makes, in one line. */
export function exportedWords(profile: ExportProfile, check: ExportCheck, padTo: number): string {
  if (hasError(check.exported)) return 'It cannot be exported for this tool.'
  const rank = padTo > 0 ? padTo : check.rank
  const facts = [
    ...(rank === null ? [] : [`rank ${formatCount(rank)}`]),
    ...(check.sizeBytes === null
      ? []
      : [padTo > 0 && check.rank ? `about ${formatBytes((check.sizeBytes * padTo) / check.rank)}` : formatBytes(check.sizeBytes)]),
  ].join(', ')
  const losses = check.exported.filter((problem) => problem.severity === 'warning').length
  if (!exportProfiles[profile].rewrites) return `The files are copied byte for byte: ${facts}.`
  return `The export: ${facts}; ${losses === 0 ? 'nothing is lost' : plural(losses, 'remark')}.`
}

/** How several checks went, in one line: "3 can be exported, 1 cannot". */
export function checksWords(checks: readonly CheckedAdapter[]): string {
  const done = checks.filter(isChecked)
  if (done.length < checks.length) return `Checking ${formatCount(done.length + 1)} of ${formatCount(checks.length)}`
  const able = exportable(checks).length
  return able === done.length
    ? `All ${formatCount(able)} can be exported.`
    : `${formatCount(able)} can be exported, ${formatCount(done.length - able)} cannot.`
}

/** Those whose export nothing stands against. */
export function exportable(checks: readonly CheckedAdapter[]): readonly CheckedAdapter[] {
  return checks.filter(({ check }) => check !== null && !hasError(check.exported))
}

/** Every problem that keeps an adapter from being exported, or is remarked on. */
export function problemsOfCheck(checked: CheckedAdapter): readonly Problem[] {
  return [...checked.problems, ...(checked.check?.exported ?? [])]
}

/** True once the check has answered, whatever it said. */
export function isChecked(checked: CheckedAdapter): boolean {
  return checked.check !== null || checked.problems.length > 0
}
