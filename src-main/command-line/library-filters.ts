import { facetIds, facets, mostFilterValues, type Facet, type FilterMode, type LibraryFilter } from '../contract/library-query.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import type { CollectionStore } from '../library/collection-store.ts'
import type { Arguments, OptionSpec } from './command.ts'

/** Each option of a filter, and how the values of one facet given with it are taken together. */
const modes: Readonly<Record<string, FilterMode>> = { filter: 'any', all: 'all', none: 'none' }

/** Options by which `ls` filters. */
export const filterOptions: readonly OptionSpec[] = [
  {
    name: 'filter',
    value: 'FACET=VALUE',
    repeatable: true,
    help: 'Only adapters with this value; several of one facet: at least one of them.',
  },
  { name: 'all', value: 'FACET=VALUE', repeatable: true, help: 'Only adapters with this value; several of one facet: every one of them.' },
  { name: 'none', value: 'FACET=VALUE', repeatable: true, help: 'Only adapters without this value.' },
]

/** What the help says of facets. */
export const filterNotes: readonly string[] = [
  `Facets: ${facetIds.join(', ')}.`,
  'FACET= without a value stands for adapters that have none. A collection may be given by its name.',
]

/** The filters of a command line, or what is wrong with them. */
export function filtersOf(given: Arguments, collections: Pick<CollectionStore, 'find'>): readonly LibraryFilter[] | Problem {
  const filters: LibraryFilter[] = []
  for (const [option, mode] of Object.entries(modes)) {
    const values = new Map<Facet, string[]>()
    for (const text of given.values(option)) {
      const read = readFilter(text, option, collections)
      if ('code' in read) return read
      values.set(read.facet, [...(values.get(read.facet) ?? []), read.value])
    }
    for (const [facet, list] of values) {
      if (list.length > mostFilterValues)
        return notValid(`--${option}`, facet, `Facet "${facet}" was given more than ${mostFilterValues} times.`)
      filters.push({ facet, mode, values: list })
    }
  }
  return filters
}

function readFilter(
  text: string,
  option: string,
  collections: Pick<CollectionStore, 'find'>,
): { readonly facet: Facet; readonly value: string } | Problem {
  const sign = text.search(/[=:]/)
  const name = sign < 0 ? text : text.slice(0, sign)
  const facet = facetIds.find((id) => id.toLowerCase() === name.toLowerCase())
  if (!facet) return notValid(`--${option}`, text, `There is no facet "${name}". ${didYouMean(name, facetIds)}`)
  if (sign < 0) return notValid(`--${option}`, text, `--${option} takes FACET=VALUE, such as ${facet}=... .`)
  const value = text.slice(sign + 1)
  if (value === '') return { facet, value }
  const { values: allowed } = facets[facet] as { readonly values?: readonly string[] }
  if (allowed && !allowed.includes(value))
    return notValid(`--${option}`, text, `"${value}" is no value of ${facet}. ${didYouMean(value, allowed)}`)
  if (facet !== 'collection') return { facet, value }
  const collection = collections.find(value)
  return 'code' in collection ? collection : { facet, value: collection.id }
}

function notValid(field: string, value: string, message: string): Problem {
  return errorProblem('request-invalid', message, { where: { field, value } })
}
