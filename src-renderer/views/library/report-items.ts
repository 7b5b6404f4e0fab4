import type { ImportItem } from '../../../src-main/contract/import-report.ts'

/** Which items of a report are listed. */
export type ReportFilter =
  | { readonly kind: 'all' }
  /** Refused, or with anything to remark. */
  | { readonly kind: 'problems' }
  | { readonly kind: 'status'; readonly status: ImportItem['status'] }
  /** Refused for this problem. */
  | { readonly kind: 'reason'; readonly code: string }

/** The items a filter leaves: refused ones first, then those with warnings, each in the order of the import. */
export function reportItems(items: readonly ImportItem[], filter: ReportFilter): readonly ImportItem[] {
  return items.filter((item) => isListed(item, filter)).sort((left, right) => weight(left) - weight(right))
}

/** The chips of a report with their counts; empty groups are left out, "all" never. */
export function reportGroups(
  items: readonly ImportItem[],
): readonly { readonly label: string; readonly count: number; readonly filter: ReportFilter }[] {
  const groups: readonly { readonly label: string; readonly filter: ReportFilter }[] = [
    { label: 'With problems', filter: { kind: 'problems' } },
    { label: 'All', filter: { kind: 'all' } },
    { label: 'Imported', filter: { kind: 'status', status: 'imported' } },
    { label: 'Already there', filter: { kind: 'status', status: 'duplicate' } },
    { label: 'Refused', filter: { kind: 'status', status: 'refused' } },
    { label: 'Being checked', filter: { kind: 'status', status: 'pending' } },
  ]
  return groups
    .map((group) => ({ ...group, count: items.filter((item) => isListed(item, group.filter)).length }))
    .filter((group) => group.count > 0 || group.filter.kind === 'all')
}

function isListed(item: ImportItem, filter: ReportFilter): boolean {
  switch (filter.kind) {
    case 'all':
      return true
    case 'problems':
      return item.problems.length > 0 || item.status === 'refused'
    case 'status':
      return item.status === filter.status
    case 'reason':
      return item.status === 'refused' && item.problems.some((problem) => problem.code === filter.code)
  }
}

function weight(item: ImportItem): number {
  if (item.status === 'refused') return 0
  return item.problems.length > 0 ? 1 : 2
}
