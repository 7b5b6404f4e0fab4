import type { Component } from 'svelte'
import type { ColumnId } from '../columns.ts'
import type { CellProps } from './cell.ts'
import FavouriteCell from './FavouriteCell.svelte'
import ModulesCell from './ModulesCell.svelte'
import NameCell from './NameCell.svelte'
import NormCell from './NormCell.svelte'
import OriginCell from './OriginCell.svelte'
import SelectCell from './SelectCell.svelte'
import StatusCell from './StatusCell.svelte'
import TagsCell from './TagsCell.svelte'

/** Columns whose cells are drawn; the others are their text. */
export const cells: Readonly<Partial<Record<ColumnId, Component<CellProps>>>> = {
  select: SelectCell,
  favourite: FavouriteCell,
  name: NameCell,
  modules: ModulesCell,
  norm: NormCell,
  tags: TagsCell,
  origin: OriginCell,
  status: StatusCell,
}
