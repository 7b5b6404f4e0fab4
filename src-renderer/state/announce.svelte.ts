import type { Problem } from '../../src-main/contract/problems.ts'

/** Something the person should know although they did not ask: stays until it is closed. */
export interface Notice {
  readonly id: number
  readonly kind: 'done' | 'problem'
  readonly text: string
  readonly problems: readonly Problem[]
  /** One thing that can be done about it, such as Undo. */
  readonly action?: { readonly label: string; readonly run: () => void }
}

/** How long a "done" notice stands by itself; problems stay until they are closed. */
const doneMs = 12_000

/** Owns what is read out (polite and assertive live regions) and the notices above the status bar. */
export class Announcer {
  polite = $state('')
  assertive = $state('')
  notices = $state.raw<readonly Notice[]>([])
  #next = 1
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Reads a phase change out at the next pause: "Import finished: 19 imported". Never for ticks. */
  say(text: string): void {
    // The same words twice are read only when the text differs: a no-break space makes it so.
    this.polite = this.polite === text ? `${text} ` : text
  }

  /** Shows and reads out that something was done, optionally with a way back. Replaces the previous "done" notice. */
  done(text: string, action?: Notice['action']): void {
    this.notices = [...this.notices.filter((notice) => notice.kind !== 'done'), this.#notice('done', text, [], action)]
    this.say(text)
    this.release()
  }

  /** Keeps the "done" notice while it is looked at. */
  hold(): void {
    clearTimeout(this.#timer)
  }

  /** Lets the "done" notice go in a while. */
  release(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => (this.notices = this.notices.filter((notice) => notice.kind !== 'done')), doneMs)
  }

  /** Shows problems that belong to no field and reads them out at once; they stay until closed. */
  problem(text: string, problems: readonly Problem[] = []): void {
    this.notices = [...this.notices, this.#notice('problem', text, problems)]
    this.assertive = [text, ...problems.map((problem) => problem.message)].join(' ')
  }

  close(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id)
  }

  #notice(kind: Notice['kind'], text: string, problems: readonly Problem[], action?: Notice['action']): Notice {
    return { id: this.#next++, kind, text, problems, ...(action ? { action } : {}) }
  }
}
