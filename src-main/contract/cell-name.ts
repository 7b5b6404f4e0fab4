/** Longest name that the library takes. */
const longest = 200

/** "Fresh LoRA [sentiment/100/1/own]": the cell in brackets tells what a plan made from every other adapter. */
export function cellAdapterName(label: string, cell: string): string {
  return `${label} [${cell}]`.slice(-longest)
}

/** Task, budget, seed and arm, as plans/expand-plan.ts writes them; a long name has lost its beginning. */
const ending = /[^[\]]*\/(\d+|all|-)\/(\d+|-)\/[a-z0-9][a-z0-9_-]*\]$/

/** Whether an adapter has such a name: results of plans are in no pool that was not put together by hand. */
export function isNamedForCell(name: string): boolean {
  return ending.test(name)
}
