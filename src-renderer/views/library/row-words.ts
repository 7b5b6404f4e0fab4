import { adapterVariants, type AdapterOrigin, type AdapterRow } from '../../../src-main/contract/adapter.ts'
import { problemTitles } from '../../../src-main/contract/problems.ts'
import type { IconName } from '../../parts/icons.ts'
import type { StatusKind } from '../../parts/status.ts'
import { plural } from '../../format/words.ts'

/** The seven linear modules of a Llama block, in the order of the strip. */
export const stripModules = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const

/** How an adapter came in, as icon, word and sentence. */
export const originWords: Readonly<Record<AdapterOrigin, { readonly icon: IconName; readonly word: string; readonly meaning: string }>> = {
  imported: { icon: 'import', word: 'imported', meaning: 'Imported from files.' },
  merged: { icon: 'merge', word: 'merged', meaning: 'Merged here; its sources stand under Lineage.' },
  tuned: {
    icon: 'sliders',
    word: 'tuned',
    meaning: 'Merged here with coefficients tuned on a task; pool, curve and examples stand under Lineage.',
  },
  trained: { icon: 'adapt', word: 'trained', meaning: 'Trained here on a task; curve and examples stand under Lineage.' },
  demo: { icon: 'demo', word: 'demo', meaning: 'Part of the demo pool.' },
}

/** Module names in the order of the strip; any others after them by name. */
export function orderModules(names: readonly string[]): readonly string[] {
  const strip: readonly string[] = stripModules
  const place = (name: string): number => (strip.includes(name) ? strip.indexOf(name) : strip.length)
  return [...names].sort((left, right) => place(left) - place(right) || left.localeCompare(right))
}

/** Which cells of the strip are filled, and how many target modules lie outside it. */
export function moduleStrip(targetModules: readonly string[]): { readonly filled: readonly boolean[]; readonly others: number } {
  const strip: readonly string[] = stripModules
  return {
    filled: strip.map((module) => targetModules.includes(module)),
    others: targetModules.filter((module) => !strip.includes(module)).length,
  }
}

/** The cells of the strip as two paths in a field of 75 by 12 pixels; attention and MLP stand a little apart. */
export function stripPaths(filled: readonly boolean[]): { readonly filled: string; readonly empty: string } {
  const cell = (index: number): string => `M${index * 10 + (index > 3 ? 4 : 0) + 0.5} .5h8v11h-8z`
  const cells = (wanted: boolean): string => filled.map((is, index) => (is === wanted ? cell(index) : '')).join('')
  return { filled: cells(true), empty: cells(false) }
}

/** The strip in words: "all 7 modules", "q, v: 2 of 7 modules", "q, v and 1 other". */
export function modulesWords(targetModules: readonly string[]): string {
  if (targetModules.length === 0) return 'none'
  const { filled, others } = moduleStrip(targetModules)
  const names = stripModules.filter((_, index) => filled[index]).map((module) => module.replace('_proj', ''))
  const within = names.length === 7 ? 'all 7 modules' : names.length > 0 ? `${names.join(', ')}: ${names.length} of 7 modules` : ''
  const outside = others > 0 ? plural(others, 'other module') : ''
  return [within, outside].filter((part) => part !== '').join(' and ')
}

/** The drawn cell read out: the words of the strip, and the count that stands behind it. */
export function modulesSpoken(targetModules: readonly string[]): string {
  const { others } = moduleStrip(targetModules)
  if (targetModules.length === 0) return '– none'
  return others > 0 ? `${modulesWords(targetModules)}: +${others}` : modulesWords(targetModules)
}

/** What the status column shows of a row: the mark, its word, and what its bubble says. */
export function rowStatus(row: AdapterRow): { readonly kind: StatusKind; readonly label: string; readonly hint: string } {
  const hint = row.problems.map((problem) => problemTitles[problem.code]).join('\n')
  switch (row.status) {
    case 'checking':
      return {
        kind: 'checking',
        label: 'checking',
        hint: 'Values, norms and hashes are being checked in the background. It cannot be merged yet.',
      }
    case 'missing':
      return { kind: 'missing', label: 'missing', hint: hint || 'No known file of this adapter is where it was. Put it back and press F5.' }
    case 'refused':
      return { kind: 'refused', label: 'refused', hint }
    case 'ok': {
      const variant = adapterVariants[row.variant]
      if (!variant.mergeable) return { kind: 'warning', label: 'not mergeable', hint: `${variant.label}: ${variant.meaning}` }
      if (row.problems.length > 0) return { kind: 'warning', label: plural(row.problems.length, 'warning'), hint }
      return { kind: 'ok', label: 'ok', hint: 'Read and checked.' }
    }
  }
}
