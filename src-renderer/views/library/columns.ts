import { adapterVariants, type AdapterRow } from '../../../src-main/contract/adapter.ts'
import type { sortColumns } from '../../../src-main/contract/library-query.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatDate, formatDateTime } from '../../format/dates.ts'
import { formatCount, formatExact, formatNorm, formatNumber, formatRange } from '../../format/numbers.ts'
import { lastPart, plural, shortHash } from '../../format/words.ts'
import { modulesSpoken, modulesWords, orderModules, originWords, rowStatus } from './row-words.ts'

export type SortColumn = (typeof sortColumns)[number]

/** One column of the library table. */
export interface Column {
  readonly id: string
  /** Heading; drawn unless `quietHeading`. */
  readonly label: string
  /** The heading is read out, not drawn: the column is narrower than its word. */
  readonly quietHeading?: boolean
  /** What the column means, on hover and focus of its heading. */
  readonly meaning: string
  /** Width in pixels before the person changes it, and the least it may become. */
  readonly width: number
  readonly minimum: number
  readonly sort?: SortColumn
  /** Right-aligned figures. */
  readonly numeric?: boolean
  /** Always there, at the left, and kept in place when the table is scrolled sideways. */
  readonly pinned?: boolean
  /** Shown unless the person takes it away. */
  readonly usual: boolean
  /** The cell as text; cells with a drawing have a component in cells.ts and this text is read out. */
  readonly text: (row: AdapterRow) => string
  /** Name of a cell that is a picture or shortened; it holds what is to be seen there, as WCAG 2.5.3 asks. */
  readonly spoken?: (row: AdapterRow) => string
  /** What the cell's bubble says; absent or empty: no bubble. */
  readonly hint?: (row: AdapterRow) => string
}

/** Every column, in the order in which they stand until the person moves them. */
export const columns = [
  {
    id: 'select',
    label: 'Selected',
    quietHeading: true,
    meaning: 'Space selects the row; Ctrl+A selects every match.',
    width: 32,
    minimum: 32,
    pinned: true,
    usual: true,
    text: () => '',
  },
  {
    id: 'favourite',
    label: 'Favourite',
    quietHeading: true,
    meaning: 'Your favourites; Enter changes it.',
    width: 28,
    minimum: 28,
    pinned: true,
    usual: true,
    text: (row) => (row.favourite ? 'favourite' : 'not a favourite'),
    spoken: (row) => (row.favourite ? 'favourite' : 'not a favourite'),
  },
  {
    id: 'name',
    label: 'Name',
    meaning: 'Name in the library; F2 changes it. The files keep theirs.',
    width: 190,
    minimum: 120,
    sort: 'name',
    pinned: true,
    usual: true,
    text: (row) => row.name,
    hint: (row) => [row.name, ...row.paths].join('\n'),
  },
  {
    id: 'base',
    label: 'Base model',
    meaning: 'Base model that the adapter’s config names.',
    width: 130,
    minimum: 80,
    sort: 'base',
    usual: true,
    text: (row) => (row.baseModelName === null ? 'not named' : lastPart(row.baseModelName)),
    hint: (row) => row.baseModelName ?? 'The config names no base model.',
  },
  {
    id: 'rank',
    label: 'Rank',
    meaning: 'Rank r of the factors; several where modules differ.',
    width: 60,
    minimum: 48,
    sort: 'rank',
    numeric: true,
    usual: true,
    text: (row) => formatRange(row.ranks),
    hint: (row) => (row.ranks.length > 2 ? `Ranks over the modules: ${row.ranks.map(formatExact).join(', ')}` : ''),
  },
  {
    id: 'scaling',
    label: 'α / r',
    meaning: 'Scaling of the update: alpha / rank, or alpha / √rank when rank-stabilised.',
    width: 60,
    minimum: 48,
    sort: 'scaling',
    numeric: true,
    usual: true,
    text: (row) => formatRange(row.scaling.map(roundScaling)),
    hint: (row) =>
      row.alphas.length === 0
        ? ''
        : `Scaling ${row.scaling.map(formatExact).join(', ')}\nalpha ${row.alphas.map(formatExact).join(', ')}, rank ${row.ranks.map(formatExact).join(', ')}`,
  },
  {
    id: 'alpha',
    label: 'α',
    meaning: 'lora_alpha; several where modules differ.',
    width: 60,
    minimum: 44,
    numeric: true,
    usual: false,
    text: (row) => formatRange(row.alphas.map(roundScaling)),
    hint: (row) => (row.alphas.length > 2 ? `Alphas over the modules: ${row.alphas.map(formatExact).join(', ')}` : ''),
  },
  {
    id: 'modules',
    label: 'Modules',
    meaning: 'Target modules, in the order q k v o gate up down; a plus counts others.',
    width: 104,
    minimum: 100,
    usual: true,
    text: (row) => modulesWords(row.targetModules),
    spoken: (row) => modulesSpoken(row.targetModules),
    hint: (row) => (row.targetModules.length === 0 ? '' : `${orderModules(row.targetModules).join(', ')}\n${plural(row.layers, 'layer')}`),
  },
  {
    id: 'norm',
    label: 'Norm',
    meaning: 'Frobenius norm of the whole update, scaling · B · A over all modules.',
    width: 112,
    minimum: 72,
    sort: 'norm',
    numeric: true,
    usual: true,
    text: (row) => formatNorm(row.updateNorm),
    hint: (row) => (row.updateNorm === null ? 'Not known yet: it is computed in the background.' : ''),
  },
  {
    id: 'effectiveRank',
    label: 'Eff. rank',
    meaning:
      'Mean effective rank over the modules, weighted by squared norm: exp of the entropy of the singular values’ shares (Roy and Vetterli 2007).',
    width: 76,
    minimum: 56,
    sort: 'effectiveRank',
    numeric: true,
    usual: false,
    text: (row) => (row.effectiveRank === null ? '–' : formatNumber(row.effectiveRank, 3)),
    hint: (row) => (row.effectiveRank === null ? 'Not computed yet.' : ''),
  },
  {
    id: 'size',
    label: 'Size',
    meaning: 'Size of the weights file.',
    width: 72,
    minimum: 60,
    sort: 'size',
    numeric: true,
    usual: true,
    text: (row) => formatBytes(row.sizeBytes),
    hint: (row) => `${formatCount(row.sizeBytes)} bytes`,
  },
  {
    id: 'tags',
    label: 'Tags',
    meaning: 'Your tags.',
    width: 112,
    minimum: 60,
    usual: true,
    text: (row) => row.tags.join(', '),
    spoken: (row) => (row.tags.length > 1 ? `${row.tags[0]} +${row.tags.length - 1}: ${row.tags.slice(1).join(', ')}` : row.tags.join('')),
    hint: (row) => row.tags.join(', '),
  },
  {
    id: 'origin',
    label: 'From',
    meaning: 'How it came into the library.',
    width: 48,
    minimum: 44,
    usual: true,
    text: (row) => originWords[row.origin].word,
    spoken: (row) => originWords[row.origin].word,
    hint: (row) => originWords[row.origin].meaning,
  },
  {
    id: 'status',
    label: 'Status',
    meaning: 'Whether it can be used.',
    width: 136,
    minimum: 80,
    sort: 'status',
    usual: true,
    text: (row) => rowStatus(row).label,
    hint: (row) => rowStatus(row).hint,
  },
  {
    id: 'variant',
    label: 'Variant',
    meaning: 'Class of the adapter: which merge methods are defined for it.',
    width: 120,
    minimum: 60,
    usual: false,
    text: (row) => adapterVariants[row.variant].label,
    hint: (row) => adapterVariants[row.variant].meaning,
  },
  {
    id: 'licence',
    label: 'Licence',
    meaning: 'Licence that the adapter’s card names.',
    width: 100,
    minimum: 60,
    usual: false,
    text: (row) => row.licence ?? 'unknown',
  },
  {
    id: 'dtype',
    label: 'Dtype',
    meaning: 'Number type in which the factors are stored.',
    width: 84,
    minimum: 60,
    usual: false,
    text: (row) => row.dtype ?? '–',
  },
  {
    id: 'layers',
    label: 'Layers',
    meaning: 'Number of layers that the update touches.',
    width: 60,
    minimum: 48,
    numeric: true,
    usual: false,
    text: (row) => formatCount(row.layers),
  },
  {
    id: 'added',
    label: 'Added',
    meaning: 'When it came into the library.',
    width: 100,
    minimum: 80,
    sort: 'added',
    usual: false,
    text: (row) => formatDate(row.addedAt),
    hint: (row) => formatDateTime(row.addedAt),
  },
  {
    id: 'collections',
    label: 'Collections',
    meaning: 'The collections it is in.',
    width: 130,
    minimum: 60,
    usual: false,
    text: (row) => row.collections.join(', '),
    hint: (row) => row.collections.join('\n'),
  },
  {
    id: 'tensorHash',
    label: 'Tensor hash',
    meaning: 'First characters of the SHA-256 over names, dtypes, shapes and values of the factors: equal for the same factors.',
    width: 104,
    minimum: 70,
    usual: false,
    text: (row) => shortHash(row.tensorHash, 10),
    hint: (row) => row.tensorHash ?? 'Not computed yet.',
  },
] as const satisfies readonly Column[]

export type ColumnId = (typeof columns)[number]['id']

function roundScaling(scaling: number): number {
  return Number(scaling.toPrecision(4))
}
