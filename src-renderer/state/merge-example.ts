import { isMergeable, type AdapterRow } from '../../src-main/contract/adapter.ts'

/** Demo adapters whose ranks and target modules differ, in this order of preference. */
const preferred = ['sentiment-r16', 'topic-r4-attention', 'rude-r16']

/** Up to three demo adapters that make a telling first merge; empty when fewer than two can be merged. */
export function exampleOf(rows: readonly AdapterRow[]): readonly AdapterRow[] {
  const demo = rows.filter((row) => row.origin === 'demo' && isMergeable(row))
  const named = preferred.flatMap((name) => demo.find((row) => row.name === name) ?? [])
  const chosen = [...named, ...demo.filter((row) => !named.includes(row))].slice(0, 3)
  return chosen.length >= 2 ? chosen : []
}
