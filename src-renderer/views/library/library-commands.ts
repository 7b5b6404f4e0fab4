import type { Command } from '../../state/commands.svelte.ts'
import type { AppState } from '../../state/context.ts'
import { isNarrowed } from '../../state/library-filters.ts'

/** What only the view can do: it knows where the fields and panes are. */
export interface LibraryGestures {
  readonly search: () => void
  readonly rename: () => void
  readonly remove: () => void
  readonly toggleDetails: () => void
}

/** The commands that make sense while the library is shown; those that work everywhere are in views/frame/commands.ts. */
export function libraryCommands(app: AppState, gestures: LibraryGestures): readonly Command[] {
  const { library, selection, detail, actions, table } = app
  const group = 'Library'
  const shown = (): boolean => detail.adapter !== null
  const chosen = (): readonly string[] => (selection.count > 0 ? [...selection.ids] : detail.id === null ? [] : [detail.id])
  return [
    { id: 'library.search', title: 'Search adapters', group, shortcuts: ['Mod+F'], run: gestures.search },
    {
      id: 'library.clearFilters',
      title: 'Clear search and filters',
      group,
      enabled: () => isNarrowed(library.query),
      run: () => library.clearQuery(),
    },
    { id: 'library.details', title: 'Show or hide details', group, shortcuts: ['Mod+I'], run: gestures.toggleDetails },
    { id: 'library.rename', title: 'Rename adapter', group, shortcuts: ['F2'], enabled: shown, run: gestures.rename },
    {
      id: 'library.favourite',
      title: 'Mark or unmark as favourite',
      group,
      enabled: shown,
      run: () => void actions.setFavourite(chosen(), !(detail.adapter?.favourite ?? false)),
    },
    {
      id: 'library.remove',
      title: 'Remove from library',
      group,
      shortcuts: ['Delete'],
      enabled: () => chosen().length > 0,
      run: gestures.remove,
    },
    {
      id: 'library.selectAll',
      title: 'Select every match',
      group,
      shortcuts: ['Mod+A'],
      enabled: () => (library.total ?? 0) > 0,
      run: () => void table.selectAll(),
    },
  ]
}
