import { monitorEventLoopDelay } from 'node:perf_hooks'
import * as v from 'valibot'
import { facetIds, filterModes, libraryQuerySchema, sortColumns, type Facets, type LibraryFilter, type LibraryQuery } from '../../src-main/contract/library-query.ts' // prettier-ignore
import { createImporter } from '../../src-main/library/importer.ts'
import { loadCatalogue } from '../../src-main/library/load-catalogue.ts'
import { openLibrary, type Library } from '../../src-main/library/open-library.ts'
import { fillLibrary, randomFrom } from './large-library.ts'
import type { Measure, Trial } from './trial.ts'

const adapters = 20_000
const searches = 1000
const changes = 100
const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: (message: string, fields?: unknown) => console.error(message, fields),
}
const words = ['news', 'llama', 'r16', 'q_proj', 'legal-', 'math 1', 'quiz', 'pools', 'looked', 'zzz', 'an', '7']

/** A search as a person may put it: up to three filters of any facet and mode, now and then words, any order, anywhere in the result. */
function randomQuery(random: () => number, { counts }: Facets): LibraryQuery {
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const filters = Array.from({ length: Math.floor(random() * 4) }, (): LibraryFilter => {
    const facet = one(facetIds.filter((id) => counts[id].length > 0))
    const values = Array.from({ length: 1 + Math.floor(random() * 3) }, () => one(counts[facet]).value)
    return { facet, mode: one(filterModes), values }
  })
  return v.parse(libraryQuerySchema, {
    text: random() < 0.3 ? one(words) : '',
    filters,
    sort: { column: one(sortColumns), descending: random() < 0.5 },
    offset: random() < 0.5 ? 0 : Math.floor(random() * adapters),
  })
}

/** Times of some requests. */
interface Times {
  readonly milliseconds: number[]
  measure<T>(request: () => T): T
}

function takeTimes(): Times {
  const milliseconds: number[] = []
  return {
    milliseconds,
    measure(request) {
      const started = performance.now()
      const answer = request()
      milliseconds.push(performance.now() - started)
      return answer
    },
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Loads what searches look at as the app does beside its first requests. */
async function loadLibrary(
  folder: string,
): Promise<{ readonly library: Library; readonly seconds: number; readonly longestStallMs: number }> {
  const library = openLibrary({ folder, log: silent })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const started = performance.now()
  await loadCatalogue(library.adapters, new AbortController().signal)
  const seconds = (performance.now() - started) / 1000
  delay.disable()
  return { library, seconds, longestStallMs: delay.max / 1e6 }
}

/** Longest stall while every place is looked at and written down as gone, which is the most that a rescan can have to do. */
async function rescanStall(library: Library): Promise<number> {
  const importer = createImporter({
    ...{ library, log: silent, emitChanged: () => undefined, emitProgress: () => undefined },
    inspect: () => Promise.reject(new Error('nothing is to be inspected')),
  })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const { missing } = await importer.rescan()
  delay.disable()
  await importer.close()
  if (missing < adapters / 2) throw new Error(`the rescan found ${missing} adapters gone`)
  return delay.max / 1e6
}

export const search: Trial = {
  name: 'search',
  summary: `${searches} searches with any filters, words, order and place in a library of ${adapters.toLocaleString('en')} adapters: 200 rows and the total`,
  async run(scratch) {
    const filled = openLibrary({ folder: scratch, log: silent })
    fillLibrary(filled, adapters)
    filled.close()
    const { library, seconds, longestStallMs } = await loadLibrary(scratch)
    const random = randomFrom(7)
    const facets = library.adapters.facets()
    const queries = Array.from({ length: searches }, () => randomQuery(random, facets))
    const listing = takeTimes()
    let rows = 0
    for (const query of queries) rows += listing.measure(() => library.adapters.list(query)).rows.length
    if (rows < searches * 20) throw new Error(`the searches found ${rows} rows, too few to mean anything`)
    const counting = takeTimes()
    const afterChange = takeTimes()
    const ids = library.adapters.ids(v.parse(libraryQuerySchema, {}))
    for (let change = 0; change < changes; change++) {
      library.adapters.editTags(ids.slice(change * 10, change * 10 + 10), [`tag ${change}`], [])
      afterChange.measure(() => library.adapters.list(queries[change]!))
      counting.measure(() => library.adapters.facets())
    }
    const rescanStallMs = await rescanStall(library)
    library.close()
    const measures: Measure[] = [
      { name: 'search, p95', value: percentile(listing.milliseconds, 0.95), unit: 'ms', limit: 10 },
      { name: 'search, median', value: percentile(listing.milliseconds, 0.5), unit: 'ms' },
      { name: 'search, longest', value: Math.max(...listing.milliseconds), unit: 'ms' },
      { name: 'first search after an edit of ten adapters, p95', value: percentile(afterChange.milliseconds, 0.95), unit: 'ms' },
      { name: 'facets after an edit of ten adapters, p95', value: percentile(counting.milliseconds, 0.95), unit: 'ms' },
      { name: 'loading all rows in the background', value: seconds, unit: 's' },
      { name: 'longest event-loop stall of loading', value: longestStallMs, unit: 'ms', limit: 50 },
      { name: 'longest event-loop stall of a rescan that finds everything gone', value: rescanStallMs, unit: 'ms', limit: 50 },
    ]
    return measures
  },
}
