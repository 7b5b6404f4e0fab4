/** Keys of the library's table, for the shortcuts sheet: they belong to the grid, not to the command registry. */
export const tableKeys: readonly { readonly what: string; readonly keys: readonly string[] }[] = [
  { what: 'Move by row or column', keys: ['Arrow keys'] },
  { what: 'Move by a page', keys: ['Page Up', 'Page Down'] },
  { what: 'First or last column', keys: ['Home', 'End'] },
  { what: 'First or last row', keys: ['Ctrl+Home', 'Ctrl+End'] },
  { what: 'Select or unselect the row', keys: ['Space'] },
  { what: 'Extend the selection', keys: ['Shift+Arrow keys'] },
  { what: 'Clear the selection', keys: ['Esc'] },
  { what: 'Open the details', keys: ['Enter'] },
  { what: 'Width of a column, in its heading', keys: ['Shift+Left', 'Shift+Right'] },
]
