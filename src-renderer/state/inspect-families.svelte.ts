import { nearDuplicateCosine, type Families } from '../../src-main/contract/inspection.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Answer, Bridge } from '../bridge.ts'
import { Latest } from './latest.ts'

/** Owns the near-duplicate families of the whole library at one threshold. Asked while they are on screen, a moment after the last change. */
export class InspectFamilies {
  threshold = $state<number>(nearDuplicateCosine)
  current = $state.raw<Families | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  waiting = $state(false)
  #shown = false
  readonly #asked: Latest<number, Answer<Families>>

  constructor(bridge: Bridge) {
    this.#asked = new Latest({
      ask: (threshold) => bridge.call('inspect.families', { threshold }),
      answer: (answer) => {
        this.waiting = false
        this.problems = answer.ok ? [] : answer.problems
        if (answer.ok) this.current = answer.value
      },
      fail: (error) => {
        this.waiting = false
        throw error
      },
      pauseMs: 120,
    })
  }

  /** They are on screen (or no longer). */
  show(shown: boolean): void {
    this.#shown = shown
    if (shown) this.outdate()
    else this.#asked.drop()
  }

  set(threshold: number): void {
    this.threshold = threshold
    this.outdate()
  }

  /** Something that they depend on has changed. */
  outdate(): void {
    if (!this.#shown) return
    this.waiting = true
    this.#asked.put(this.threshold)
  }
}
