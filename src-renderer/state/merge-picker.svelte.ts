import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { Latest } from './latest.ts'

/** Rows asked for at once; more are found by typing. */
const pageSize = 60

/** Owns the search for adapters to add to a merge. Asked again at every change of the text; only the newest answer is shown. */
export class MergePicker {
  text = $state('')
  rows = $state.raw<readonly AdapterRow[]>([])
  total = $state(0)
  searching = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  readonly #search: Latest<string, Awaited<ReturnType<typeof listAdapters>>>

  constructor(bridge: Bridge) {
    this.#search = new Latest({
      ask: (text) => listAdapters(bridge, text),
      answer: (answer) => {
        this.searching = false
        this.problems = answer.ok ? [] : answer.problems
        if (!answer.ok) return
        this.rows = answer.value.rows
        this.total = answer.value.total
      },
      fail: (error) => {
        this.searching = false
        throw error
      },
      pauseMs: 80,
    })
  }

  search(text: string): void {
    this.text = text
    this.searching = true
    this.#search.put(text)
  }
}

function listAdapters(bridge: Bridge, text: string) {
  return bridge.call('library.list', { text, limit: pageSize, sort: { column: 'name', descending: false } })
}
