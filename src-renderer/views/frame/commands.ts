import type { Command } from '../../state/commands.svelte.ts'
import type { AppState } from '../../state/context.ts'
import { sections } from '../sections.ts'

export interface FrameGestures {
  readonly openPalette: () => void
  readonly openShortcuts: () => void
  /** Opens the browser's folder dialog, where the host has none. */
  readonly chooseFolder: () => void
}

/** The commands that work in every section. */
export function frameCommands(app: AppState, gestures: FrameGestures): readonly Command[] {
  const { info, imports, navigation, selection, announcer, bridge, merge, undo } = app
  const group = 'Everywhere'
  // What a notice offers to undo is the newest of all; without one, the newest edit of tags or collections.
  const offered = (): (() => void) | undefined => announcer.notices.findLast((notice) => notice.action?.label === 'Undo')?.action?.run
  // A browser keeps Ctrl+1 to Ctrl+8 for its tabs, so Alt comes first there.
  /** Nine sections have a digit; those after them a letter of their own. */
  const letters: Readonly<Record<string, string>> = { jobs: 'J', settings: ',' }
  const sectionShortcuts = (id: string, place: number): readonly string[] => {
    const key = place <= 9 ? String(place) : letters[id]
    if (key === undefined) return []
    return bridge.host === 'web' && key !== ',' ? [`Alt+${key}`, `Mod+${key}`] : [`Mod+${key}`]
  }
  const add = (): void => {
    navigation.go('library')
    if (info.current?.canPick) void imports.pick()
    else gestures.chooseFolder()
  }
  return [
    { id: 'frame.palette', title: 'Find a command', group, shortcuts: ['Mod+K'], run: gestures.openPalette },
    { id: 'frame.shortcuts', title: 'Show keyboard shortcuts', group, shortcuts: ['?'], run: gestures.openShortcuts },
    ...sections.map((section, index) => ({
      id: `go.${section.id}`,
      title: `Go to ${section.label}`,
      group,
      shortcuts: sectionShortcuts(section.id, index + 1),
      run: () => navigation.go(section.id),
    })),
    {
      id: 'merge.new',
      title: 'New merge',
      group,
      // A browser keeps Ctrl+N for its windows.
      shortcuts: bridge.host === 'web' ? ['Alt+N', 'Mod+N'] : ['Mod+N'],
      run: () => {
        merge.startNew()
        navigation.go('merge')
      },
    },
    { id: 'library.add', title: 'Add adapters', group, shortcuts: ['Mod+O'], run: add },
    {
      id: 'library.demo',
      title: 'Add the demo pool',
      group,
      enabled: () => info.current?.demoAvailable ?? false,
      run: () => {
        navigation.go('library')
        void imports.addDemo()
      },
    },
    { id: 'library.rescan', title: 'Rescan files', group, shortcuts: ['F5'], whileTyping: true, run: () => void imports.rescan() },
    {
      id: 'library.relink',
      title: 'Find missing files...',
      group,
      run: () => {
        navigation.go('library')
        imports.relinkOpen = true
      },
    },
    {
      id: 'library.report',
      title: 'Open the report of the last import',
      group,
      enabled: () => imports.report !== null,
      run: () => {
        navigation.go('library')
        void imports.openReport()
      },
    },
    {
      id: 'frame.clearSelection',
      title: 'Clear the selection',
      group,
      enabled: () => selection.count > 0,
      run: () => selection.clear(),
    },
    {
      id: 'frame.undo',
      title: undo.newest === null ? 'Undo' : `Undo: ${undo.newest.label}`,
      group,
      shortcuts: ['Mod+Z'],
      enabled: () => offered() !== undefined || undo.newest !== null,
      run: () => (offered() ?? (() => void undo.run()))(),
    },
  ]
}
