import type { AppState } from '../../state/context.ts'
import { sameSet } from '../../state/inspect-set.ts'
import { plural } from '../../format/words.ts'

/** Makes these adapters the selection, with the way back to the one before. */
export function selectHere({ selection, announcer }: Pick<AppState, 'selection' | 'announcer'>, ids: readonly string[]): void {
  const before = selection.ids
  if (sameSet(before, ids)) return
  selection.set(ids)
  const said = `${plural(ids.length, 'adapter')} selected.`
  if (before.size === 0) announcer.say(said)
  else announcer.done(said, { label: 'Undo', run: () => selection.set(before) })
}
