import { describe, expect, test } from 'vitest'
import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import type { ImportItem } from '../../../src-main/contract/import-report.ts'
import { errorProblem, warningProblem } from '../../../src-main/contract/problems.ts'
import { isWanted, uploadAll } from '../../../src-renderer/state/dropped-files.ts'
import { takeSlots } from '../../../src-renderer/parts/row-slots.ts'
import { pagesToFetch } from '../../../src-renderer/state/library-pages.ts'
import {
  chosenColumns,
  chosenIds,
  movedColumn,
  readWidths,
  trackSizes,
  usualColumns,
  widthSum,
  writeWidths,
} from '../../../src-renderer/views/library/column-layout.ts'
import { columns, type Column } from '../../../src-renderer/views/library/columns.ts'
import { reportGroups, reportItems } from '../../../src-renderer/views/library/report-items.ts'
import {
  modulesSpoken,
  modulesWords,
  moduleStrip,
  orderModules,
  rowStatus,
  stripPaths,
} from '../../../src-renderer/views/library/row-words.ts'

const row = (change: Partial<AdapterRow>): AdapterRow => ({
  id: 'a',
  name: 'sentiment-r16',
  paths: ['/pool/sentiment-r16'],
  contentHash: 'c',
  tensorHash: 't',
  baseModelName: 'org/tiny-llama',
  ranks: [16],
  alphas: [32],
  scaling: [2],
  targetModules: ['q_proj', 'v_proj'],
  layers: 4,
  dtype: 'float32',
  sizeBytes: 1000,
  updateNorm: 4.6,
  effectiveRank: 5.25,
  variant: 'plain',
  status: 'ok',
  tags: [],
  collections: [],
  favourite: false,
  origin: 'imported',
  licence: null,
  addedAt: '2026-11-21T10:00:00Z',
  problems: [],
  ...change,
})

describe('pages', () => {
  test('only the first page is asked for while the total is unknown', () => {
    expect(pagesToFetch({ first: 500, last: 900 }, null, new Set())).toEqual([0])
  })
  test('a window asks for its pages, the middle of the screen first, and for none twice', () => {
    expect(pagesToFetch({ first: 150, last: 450 }, 1000, new Set())).toEqual([2, 3, 1, 4])
    expect(pagesToFetch({ first: 150, last: 450 }, 1000, new Set([1, 2]))).toEqual([3, 4])
  })
  test('nothing is asked for beyond the last row', () => {
    expect(pagesToFetch({ first: 180, last: 450 }, 201, new Set())).toEqual([2, 1])
    expect(pagesToFetch({ first: 0, last: 30 }, 0, new Set())).toEqual([0])
  })
})

describe('columns', () => {
  const ids = (remembered?: string): readonly string[] => chosenColumns(remembered).map((column) => column.id)
  test('ids are unique, and the pinned ones come first', () => {
    const all: readonly Column[] = columns
    expect(new Set(all.map((column) => column.id)).size).toBe(all.length)
    expect(all.map((column) => column.pinned === true)).toEqual(all.map((_, index) => index < 3))
  })
  test('the usual ones are shown until something else is remembered; pinned ones always', () => {
    expect(ids()).toContain('norm')
    expect(ids()).not.toContain('licence')
    expect(ids('')).toEqual(['select', 'favourite', 'name'])
    expect(ids().slice(3)).toEqual(usualColumns)
  })
  test('the others stand in the remembered order; what is unknown, pinned or twice is left out', () => {
    expect(ids('licence,rank')).toEqual(['select', 'favourite', 'name', 'licence', 'rank'])
    expect(chosenIds('rank,colour,name,rank,tensorHash')).toEqual(['rank', 'tensorHash'])
  })
  test('a column moves as far as it goes', () => {
    expect(movedColumn(['rank', 'norm', 'size'], 'norm', 1)).toEqual(['rank', 'size', 'norm'])
    expect(movedColumn(['rank', 'norm', 'size'], 'norm', -5)).toEqual(['norm', 'rank', 'size'])
    expect(movedColumn(['rank', 'norm', 'size'], 'tags', 1)).toEqual(['rank', 'norm', 'size'])
  })
  test('what is not computed yet is a dash that says so', () => {
    const column = (id: string): Column => columns.find((candidate) => candidate.id === id) as Column
    expect(column('effectiveRank').text(row({}))).toBe('5.25')
    expect(column('effectiveRank').text(row({ effectiveRank: null }))).toBe('–')
    expect(column('effectiveRank').hint?.(row({ effectiveRank: null }))).toBe('Not computed yet.')
    expect(column('tensorHash').text(row({ tensorHash: '0123456789abcdef' }))).toBe('0123456789')
    expect(column('tensorHash').hint?.(row({ tensorHash: null }))).toBe('Not computed yet.')
    expect(column('alpha').text(row({ alphas: [8, 32] }))).toBe('8–32')
    expect(column('collections').text(row({ collections: ['german', 'keep'] }))).toBe('german, keep')
  })
  test('widths are remembered, and what cannot be read is left out', () => {
    const widths = new Map([
      ['base', 150],
      ['name', 221.4],
    ])
    expect(writeWidths(widths)).toBe('base:150,name:221')
    expect([...readWidths('base:150,name:wide,:3,rank:-4,size')]).toEqual([['base', 150]])
  })
  test('the name takes what is left until it was given a width', () => {
    const shown = chosenColumns('rank')
    expect(trackSizes(shown, new Map())).toBe('32px 28px minmax(190px, 1fr) 60px')
    expect(trackSizes(shown, new Map([['name', 20]]))).toBe('32px 28px 120px 60px')
    expect(widthSum(shown, new Map([['rank', 90]]))).toBe(32 + 28 + 190 + 90)
  })
})

describe('words of a row', () => {
  test('modules', () => {
    const seven = ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj']
    expect(modulesWords(seven)).toBe('all 7 modules')
    expect(modulesWords(['v_proj', 'q_proj'])).toBe('q, v: 2 of 7 modules')
    expect(modulesWords(['q_proj', 'lm_head'])).toBe('q: 1 of 7 modules and 1 other module')
    expect(modulesWords([])).toBe('none')
    expect(modulesSpoken(['q_proj', 'lm_head'])).toBe('q: 1 of 7 modules and 1 other module: +1')
    expect(modulesSpoken(seven)).toBe('all 7 modules')
    expect(orderModules(['lm_head', 'up_proj', 'q_proj', 'c_attn'])).toEqual(['q_proj', 'up_proj', 'c_attn', 'lm_head'])
    expect(stripPaths([true, false, false, false, true, false, false])).toEqual({
      filled: 'M0.5 .5h8v11h-8zM44.5 .5h8v11h-8z',
      empty: 'M10.5 .5h8v11h-8zM20.5 .5h8v11h-8zM30.5 .5h8v11h-8zM54.5 .5h8v11h-8zM64.5 .5h8v11h-8z',
    })
    expect(moduleStrip(['q_proj', 'down_proj', 'x'])).toEqual({ filled: [true, false, false, false, false, false, true], others: 1 })
  })
  test('status follows what can be done with it', () => {
    const warning = warningProblem('norm-too-large', 'The norm is 5400.')
    const words = (change: Partial<AdapterRow>): string => {
      const { kind, label } = rowStatus(row(change))
      return `${kind}: ${label}`
    }
    expect(words({})).toBe('ok: ok')
    expect(words({ problems: [warning, warning] })).toBe('warning: 2 warnings')
    expect(words({ variant: 'dora', problems: [warning] })).toBe('warning: not mergeable')
    expect(words({ status: 'checking' })).toBe('checking: checking')
    expect(words({ status: 'missing' })).toBe('missing: missing')
    expect(words({ status: 'refused', problems: [errorProblem('not-finite', 'NaN')] })).toBe('refused: refused')
    expect(rowStatus(row({ status: 'refused', problems: [errorProblem('not-finite', 'NaN')] })).hint).toBe('Values are not finite')
  })
})

describe('report of an import', () => {
  const item = (path: string, status: ImportItem['status'], problems: ImportItem['problems'] = []): ImportItem => ({
    path,
    id: null,
    status,
    variant: 'plain',
    problems,
  })
  const items = [
    item('a', 'imported'),
    item('b', 'imported', [warningProblem('norm-too-small', 'zero')]),
    item('c', 'refused', [errorProblem('not-finite', 'NaN')]),
    item('d', 'duplicate'),
    item('e', 'refused', [errorProblem('tensor-missing', 'no B')]),
  ]
  const paths = (filter: Parameters<typeof reportItems>[1]): string =>
    reportItems(items, filter)
      .map(({ path }) => path)
      .join('')
  test('refused first, then what has warnings', () => {
    expect(paths({ kind: 'all' })).toBe('cebad')
    expect(paths({ kind: 'problems' })).toBe('ceb')
    expect(paths({ kind: 'status', status: 'imported' })).toBe('ba')
    expect(paths({ kind: 'reason', code: 'not-finite' })).toBe('c')
  })
  test('groups count their items, and empty ones are left out', () => {
    expect(reportGroups(items).map(({ label, count }) => `${label} ${count}`)).toEqual([
      'With problems 3',
      'All 5',
      'Imported 2',
      'Already there 1',
      'Refused 2',
    ])
    expect(reportGroups([]).map(({ label }) => label)).toEqual(['All'])
  })
})

describe('dropped files', () => {
  test.each([
    ['pool/a/adapter_config.json', true],
    ['pool/a/adapter_model.safetensors', true],
    ['pool/a/README.md', true],
    ['pool/a/adapter_model.bin', true],
    ['pool/a/optimizer.pt', false],
    ['pool/a/rng_state_0.pth', false],
    ['pool/a/tokenizer.json', false],
    ['.DS_Store', false],
  ])('%s: %s', (path, wanted) => expect(isWanted(path)).toBe(wanted))

  const file = (path: string, text: string): { path: string; file: File } => ({ path, file: new File([text], path) })
  test('every file goes to one drop, and progress counts files and bytes', async () => {
    const seen: string[] = []
    const progress: string[] = []
    const folder = await uploadAll(
      [file('p/a', 'xx'), file('p/b', 'yyy')],
      async (drop, path) => {
        seen.push(`${drop.length} ${path}`)
        return '/inbox/1'
      },
      new AbortController().signal,
      ({ files, filesTotal, bytes, bytesTotal }) => progress.push(`${files}/${filesTotal} ${bytes}/${bytesTotal}`),
    )
    expect([folder, seen, progress]).toEqual(['/inbox/1', ['36 p/a', '36 p/b'], ['0/2 0/5', '1/2 2/5']])
  })
  test('a stop ends it before the next file', async () => {
    const stop = new AbortController()
    let copied = 0
    const folder = await uploadAll(
      [file('a', ''), file('b', '')],
      async () => {
        copied += 1
        stop.abort()
        return '/inbox/1'
      },
      stop.signal,
      () => undefined,
    )
    expect([folder, copied]).toEqual([null, 1])
  })
})

describe('slots of drawn rows', () => {
  const slots = (map: ReadonlyMap<number, number>): string => [...map].map(([index, slot]) => `${index}:${slot}`).join(' ')
  test('rows that stay keep their slot, new ones take what became free', () => {
    const first = takeSlots(new Map(), [0, 1, 2, 3])
    expect(slots(first)).toBe('0:0 1:1 2:2 3:3')
    const second = takeSlots(first, [2, 3, 4, 5])
    expect(slots(second)).toBe('2:2 3:3 4:0 5:1')
    expect(slots(takeSlots(second, [4, 90, 91, 92, 93]))).toBe('4:0 90:1 91:2 92:3 93:4')
  })
  test('a focused row far away keeps its own', () => {
    const before = takeSlots(new Map(), [7, 8, 9])
    const after = takeSlots(before, [8, 500, 501])
    expect(after.get(8)).toBe(before.get(8))
    expect(new Set(after.values()).size).toBe(3)
  })
})
