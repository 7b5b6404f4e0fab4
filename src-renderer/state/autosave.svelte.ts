import type { Problem } from '../../src-main/contract/problems.ts'

/** Owns a text while it is being written, and stores it a moment after the last change. One for each edited thing. */
export class Autosave {
  /** What was typed and is not stored yet, or null. */
  draft = $state<string | null>(null)
  status = $state<'untouched' | 'writing' | 'saving' | 'saved' | 'refused'>('untouched')
  problems = $state.raw<readonly Problem[]>([])
  readonly #save: (text: string) => Promise<readonly Problem[]>
  readonly #pauseMs: number
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(save: (text: string) => Promise<readonly Problem[]>, pauseMs = 700) {
    this.#save = save
    this.#pauseMs = pauseMs
  }

  edit(text: string): void {
    this.draft = text
    this.status = 'writing'
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), this.#pauseMs)
  }

  /** Stores what is not stored yet, at once: when the field is left or goes away. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    const text = this.draft
    if (text === null || this.status === 'saving') return
    this.status = 'saving'
    this.problems = await this.#save(text)
    if (this.problems.length > 0) this.status = 'refused'
    else if (this.draft === text) this.status = 'saved'
    // Typed on meanwhile: that is stored in its turn.
    else this.edit(this.draft ?? '')
  }
}
