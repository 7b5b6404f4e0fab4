/**
 * Runs one asynchronous question again and again, a pause after the last change, and answers only for the newest.
 * While one is under way the next waits, so that a slow host is never asked twice at once; with `overlap` it is asked nevertheless,
 * where the host stops the older one by itself.
 */
export class Latest<Question, Answer> {
  readonly #ask: (question: Question) => Promise<Answer>
  readonly #answer: (answer: Answer) => void
  readonly #fail: (error: unknown) => void
  readonly #pauseMs: number
  readonly #overlap: boolean
  #timer: ReturnType<typeof setTimeout> | null = null
  #waiting: { readonly question: Question } | null = null
  #busy = false
  #generation = 0

  constructor(options: {
    readonly ask: (question: Question) => Promise<Answer>
    readonly answer: (answer: Answer) => void
    readonly fail: (error: unknown) => void
    /** Milliseconds of quiet before a question is asked. */
    readonly pauseMs: number
    /** True where a newer question makes the host stop the older one. */
    readonly overlap?: boolean
  }) {
    this.#ask = options.ask
    this.#answer = options.answer
    this.#fail = options.fail
    this.#pauseMs = options.pauseMs
    this.#overlap = options.overlap ?? false
  }

  /** Asks `question` after the pause; every earlier one is forgotten. */
  put(question: Question): void {
    this.drop()
    this.#waiting = { question }
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#next()
    }, this.#pauseMs)
  }

  /** Forgets what waits and whatever is still under way. */
  drop(): void {
    this.#generation += 1
    this.#waiting = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  async #next(): Promise<void> {
    if ((this.#busy && !this.#overlap) || this.#waiting === null || this.#timer !== null) return
    const { question } = this.#waiting
    const generation = this.#generation
    this.#waiting = null
    this.#busy = true
    try {
      const answer = await this.#ask(question)
      if (generation === this.#generation) this.#answer(answer)
    } catch (error) {
      if (generation === this.#generation) this.#fail(error)
    } finally {
      this.#busy = false
    }
    await this.#next()
  }
}
