import type { AdapterOrigin, AdapterRow, Lineage } from '../contract/adapter.ts'
import type { ImportItem } from '../contract/import-report.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import type { AdapterStore } from './adapter-store.ts'
import type { KnownPlace } from './adapter-writes.ts'
import type { Listing } from './listing.ts'
import type { ReadRequest, ReadResult } from './worker-protocol.ts'

/** How an adapter comes in: who made it and what is known of it beyond its files. */
export interface Admission {
  readonly origin: AdapterOrigin
  readonly tags?: readonly string[]
  readonly name?: string
  readonly lineage?: Lineage
}

/** What the door made of one folder: the item of the report, and the row whose checks are to follow (null: none). */
export interface Admitted {
  readonly item: ImportItem
  readonly pending: number | null
}

/**
 * THE ONE DOOR: every adapter of the library, dropped, found, merged or tuned, comes in here. Turns what was read of a folder into a row, or
 * recognises the row that is already there. To be called inside a transaction.
 */
export function importAdapter(adapters: AdapterStore, result: ReadResult, admission: Admission, now: Date): Admitted {
  if (result.kind === 'failed') return { item: notListed(result.folder, unexpected(result.folder)), pending: null }
  const known = adapters.writes.atPath(result.folder)
  if (result.kind === 'unchanged')
    return known ? recognise(adapters, known, result) : { item: notListed(result.folder, lostMeanwhile(result.folder)), pending: null }
  const { writes } = adapters
  const { listing } = result
  // A row without content of its own yet is read anew; one that was checked keeps its content and loses the place.
  const inPlace = known !== null && known.alone && (known.status === 'refused' || known.status === 'checking')
  const row = inPlace
    ? writes.replace(known.seq, listing)
    : writes.insert(listing, { origin: admission.origin, addedAt: now.toISOString(), ...nameOf(admission) })
  if (admission.tags && admission.tags.length > 0) writes.addTags(row.seq, admission.tags)
  if (admission.lineage) writes.setLineage(row.seq, admission.lineage)
  const refused = row.status === 'refused'
  return {
    item: {
      ...{ path: listing.folder, id: row.id, variant: listing.variant },
      status: refused ? 'refused' : 'pending',
      problems: worstFirst(listing) as ImportItem['problems'],
    },
    pending: refused ? null : row.seq,
  }
}

/** What to read of a folder: with the stamp of what is known, unless it has to be read anyway. */
export function readRequest(adapters: AdapterStore, folder: string): ReadRequest {
  const known = adapters.writes.atPath(folder)
  return { folder, known: known === null || known.status === 'refused' ? null : known.stamp }
}

/** The item of a row that is settled now; `duplicate` is true when it stood in the library before. */
export function settledItem(path: string, row: AdapterRow, duplicate: boolean): ImportItem {
  const { id, variant, problems } = row
  if (row.status === 'refused') return { path, id, variant, status: 'refused', problems }
  // A duplicate is one already while the other's values are still read.
  if (row.status === 'checking' && !duplicate) return { path, id, variant, status: 'pending', problems }
  if (!duplicate) return { path, id, variant, status: 'imported', problems }
  return { path, id, variant, status: 'duplicate', problems: [alreadyThere(path, row)] as ImportItem['problems'] }
}

/** An item as it looks now that its row may have learnt more; items without a row stay as they are. */
export function refreshedItem(adapters: AdapterStore, item: ImportItem): ImportItem {
  const [row] = item.id === null ? [] : adapters.byIds([item.id])
  if (!row || (row.status === 'checking' && item.problems.length > 0)) return item
  return settledItem(item.path, row, item.status === 'duplicate')
}

/** The item of a path where there is nothing to list. */
export function notListed(path: string, problem: Problem): ImportItem {
  return { path, id: null, status: 'refused', variant: 'other', problems: [problem] as ImportItem['problems'] }
}

function recognise(adapters: AdapterStore, known: KnownPlace, { folder, stamp }: { folder: string; stamp: string }): Admitted {
  adapters.writes.putPath(known.seq, folder, stamp)
  const [row] = adapters.byIds([known.id])
  return { item: settledItem(folder, row!, known.status !== 'checking'), pending: known.status === 'checking' ? known.seq : null }
}

function alreadyThere(path: string, row: AdapterRow): Problem {
  const elsewhere = row.paths.filter((place) => place !== path)
  const message =
    elsewhere.length === 0
      ? `It is in the library already, as "${row.name}", and has not changed.`
      : `The same content is in the library already, as "${row.name}" in ${elsewhere[0]}; this folder was noted as another place of it.`
  return warningProblem('duplicate', message, {
    where: { path, value: row.id },
    hint: 'Nothing needs to be done. One of the copies may be deleted outside of Amalgam.',
  })
}

/** The problem of an adapter that a person removed while it was imported. */
export function lostMeanwhile(folder: string): Problem {
  return errorProblem('file-changed', 'The adapter was removed from the library while it was imported.', {
    where: { path: folder },
    hint: 'Import it again if you want it back.',
  })
}

function unexpected(folder: string): Problem {
  return errorProblem('internal', 'Reading the folder ended with an unexpected error; the log says more.', {
    where: { path: folder },
    hint: 'Please report it with the log.',
  })
}

function nameOf(admission: Admission): { name?: string } {
  return admission.name === undefined ? {} : { name: admission.name }
}

function worstFirst(listing: Listing): readonly Problem[] {
  return listing.problems.toSorted((left, right) => (left.severity === right.severity ? 0 : left.severity === 'error' ? -1 : 1))
}
