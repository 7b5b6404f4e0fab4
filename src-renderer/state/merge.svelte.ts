import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import { hasError, type Problem } from '../../src-main/contract/problems.ts'
import type { MergePreview } from '../../src-main/contract/recipe.ts'
import type { Answer, Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'
import { Latest } from './latest.ts'
import { equalNorms, sumToOne, type Normalised } from './merge-coefficients.ts'
import { addSources, emptyDraft, methodOfDraft, type MergeDraft } from './merge-draft.ts'
import { exampleOf } from './merge-example.ts'
import { problemsAt, realign, worstFirst } from './merge-fields.ts'
import { readRecipe } from './merge-open.ts'
import { MergePicker } from './merge-picker.svelte.ts'
import { recipeOf } from './merge-recipe.ts'
import { restoreDraft, storeDraft } from './merge-stored.ts'
import type { SettingsState } from './settings.svelte.ts'

/** Where the draft is remembered: with the library, since its ids mean nothing elsewhere. */
const storageKey = 'merge.draft'

/** The newest preview and the draft it was made for. */
export interface PreviewedDraft {
  readonly draft: MergeDraft
  readonly preview: MergePreview
}

/**
 * Owns the merge that is being prepared: the draft, the library's rows of its adapters, its live preview and the job last started from it.
 * The draft is remembered at every change; the preview is asked for a moment after the last change, and again when the library
 * changes one of its adapters.
 */
export class MergeState {
  draft = $state.raw<MergeDraft>(emptyDraft)
  rows = $state.raw<ReadonlyMap<string, AdapterRow>>(new Map())
  /** Stays while a newer one is on its way, so that nothing jumps. */
  previewed = $state.raw<PreviewedDraft | null>(null)
  /** The newest preview that had numbers; stays while the draft is refused, so that typing a number does not empty the screen. */
  estimated = $state.raw<PreviewedDraft | null>(null)
  /** True from a change until its preview is there. */
  waiting = $state(false)
  /** Why no preview or no start came back; problems of the recipe itself are in the preview. */
  hostProblems = $state.raw<readonly Problem[]>([])
  /** The job last started here, until it is dismissed. */
  jobId = $state<string | null>(null)
  starting = $state(false)
  /** Why "sum to 1" or "equal norms" was not done; empty otherwise. */
  refusal = $state('')
  /** Keys of the lines whose rules are shown. */
  opened = $state.raw<ReadonlySet<string>>(new Set())
  /** Demo adapters that make a first merge; empty when the library has none. */
  example = $state.raw<readonly AdapterRow[]>([])
  readonly picker: MergePicker

  method = $derived(methodOfDraft(this.draft))
  problems = $derived(
    worstFirst([
      ...realign(this.previewed?.preview.problems ?? [], keysOf(this.previewed?.draft), keysOf(this.draft)),
      ...this.hostProblems,
    ]),
  )
  refused = $derived(hasError(this.problems))

  readonly #bridge: Bridge
  readonly #settings: SettingsState
  readonly #announcer: Announcer
  readonly #preview: Latest<MergeDraft, { readonly draft: MergeDraft; readonly answer: Answer<MergePreview> }>

  constructor(bridge: Bridge, settings: SettingsState, announcer: Announcer) {
    this.#bridge = bridge
    this.#settings = settings
    this.#announcer = announcer
    this.picker = new MergePicker(bridge)
    this.#preview = new Latest({
      ask: async (draft) => ({ draft, answer: await bridge.call('merge.preview', { recipe: recipeOf(draft) }) }),
      answer: ({ draft, answer }) => {
        this.waiting = false
        this.hostProblems = answer.ok ? [] : answer.problems
        this.previewed = answer.ok ? { draft, preview: answer.value } : null
        if (answer.ok && answer.value.estimate) this.estimated = this.previewed
      },
      fail: (error) => {
        this.waiting = false
        throw error
      },
      pauseMs: 180,
      overlap: true,
    })
    bridge.on('library.changed', ({ ids }) => {
      if (this.draft.sources.some((source) => ids.includes(source.adapter))) void this.#adaptersChanged()
    })
  }

  /** Brings back the draft of the last time; settings must be loaded. */
  async restore(): Promise<void> {
    this.draft = restoreDraft(this.#settings.layout(storageKey)) ?? emptyDraft
    await this.#adaptersChanged()
  }

  /** Replaces the draft by a changed one. */
  edit(draft: MergeDraft): void {
    if (draft === this.draft) return
    this.draft = draft
    this.refusal = ''
    this.hostProblems = []
    this.#settings.setLayout(storageKey, storeDraft(draft))
    this.#askPreview()
  }

  /** Replaces the whole draft and says so, with the way back to the one before. */
  replace(draft: MergeDraft, said: string): void {
    const before = this.draft
    this.edit(draft)
    this.opened = new Set()
    void this.#loadRows()
    if (before.sources.length > 0) this.#announcer.done(said, { label: 'Undo', run: () => this.#undoTo(before) })
    else this.#announcer.say(said)
  }

  /** Empties the draft, with the way back to the one before. */
  startNew(): void {
    if (this.draft.sources.length > 0) this.replace(emptyDraft, 'New merge started.')
  }

  /** Adds a line for each adapter; an adapter may be added again. */
  async add(adapters: readonly { readonly id: string; readonly name: string }[]): Promise<void> {
    this.edit(addSources(this.draft, adapters))
    this.#announcer.say(`${adapters.map((adapter) => adapter.name).join(', ')} added, ${this.draft.sources.length} in the list.`)
    await this.#loadRows()
  }

  /** Adds a line for each of these adapters of the library. */
  async addById(ids: readonly string[]): Promise<void> {
    const adapters = await this.#adaptersOf(ids)
    if (adapters.length > 0) await this.add(adapters)
  }

  /** Starts a new merge of these adapters, unless the draft holds exactly them already. The method stays. */
  async mergeAdapters(ids: Iterable<string>): Promise<void> {
    const wanted = [...ids]
    const held = new Set(this.draft.sources.map((source) => source.adapter))
    if (wanted.length === held.size && wanted.every((id) => held.has(id))) return
    const adapters = await this.#adaptersOf(wanted)
    if (adapters.length === 0) return
    const { method, output, seed } = this.draft
    const kept = { ...emptyDraft, method, seed, output: { ...output, name: '' } }
    this.replace(addSources(kept, adapters), `New merge of ${adapters.length} selected adapters.`)
  }

  /** Looks for demo adapters that make a good first merge. */
  async lookForExample(): Promise<void> {
    const answer = await this.#bridge.call('library.list', {
      filters: [
        { facet: 'origin', values: ['demo'] },
        { facet: 'status', values: ['ok'] },
      ],
      limit: 200,
    })
    this.example = answer.ok ? exampleOf(answer.value.rows) : []
  }

  /** Fills the draft with the example: unlike ranks and one negative coefficient, so that the preview has something to say. */
  openExample(): void {
    const coefficients = [0.7, 0.4, -0.3]
    const lines = addSources(emptyDraft, this.example)
    const sources = lines.sources.map((source, index) => ({ ...source, coefficient: coefficients[index] ?? 1 }))
    this.replace({ ...lines, sources }, 'Example opened.')
  }

  /** The norm of each line's update at coefficient 1: from the preview, else from the library; null when neither knows it. */
  norms(): readonly (number | null)[] {
    const keys = keysOf(this.previewed?.draft)
    const previewed = this.previewed?.preview.estimate?.sourceNorms ?? []
    return this.draft.sources.map((source) => previewed[keys.indexOf(source.key)] ?? this.rows.get(source.adapter)?.updateNorm ?? null)
  }

  sumToOne(): void {
    this.#normalise(sumToOne(this.draft.sources), 'Coefficients sum to 1.')
  }

  equalNorms(): void {
    this.#normalise(equalNorms(this.draft.sources, this.norms()), 'Every adapter now contributes the same norm.')
  }

  problemsAt(field: string): readonly Problem[] {
    return problemsAt(this.problems, field)
  }

  /** Shows or hides the rules of a line. */
  setOpened(key: string, open: boolean): void {
    const opened = new Set(this.opened)
    if (open) opened.add(key)
    else opened.delete(key)
    this.opened = opened
  }

  /** Starts the merge as a job; problems stand in `problems` when it was refused. */
  async start(): Promise<void> {
    if (this.starting || this.draft.sources.length === 0) return
    this.starting = true
    const answer = await this.#bridge.call('merge.start', { recipe: recipeOf(this.draft) })
    this.starting = false
    this.jobId = answer.ok ? answer.value.jobId : null
    const problems = answer.ok ? answer.value.problems : answer.problems
    if (this.jobId === null) this.hostProblems = problems
  }

  /** Forgets the job shown in place; it stays in Jobs. */
  dismissJob(): void {
    this.jobId = null
  }

  /** The recipe as YAML with its defaults filled in. */
  async recipeText(): Promise<Answer<{ readonly yaml: string; readonly problems: readonly Problem[] }>> {
    return this.#bridge.call('merge.recipeText', { recipe: recipeOf(this.draft) })
  }

  /** Fills the form from a recipe's text; answers with what keeps it from being read, or what was remarked on. */
  async openRecipe(text: string): Promise<readonly Problem[]> {
    const { draft, problems } = await readRecipe(this.#bridge, text)
    if (draft) this.replace(draft, 'Recipe opened.')
    return problems
  }

  /** Rows of these ids in the order of the ids; says so when they cannot be read. */
  async #adaptersOf(ids: readonly string[]): Promise<readonly AdapterRow[]> {
    if (ids.length === 0) return []
    const answer = await this.#bridge.call('library.byIds', { ids: [...ids] })
    if (!answer.ok) {
      this.#announcer.problem('The selected adapters could not be read.', answer.problems)
      return []
    }
    const rows = new Map(answer.value.map((row) => [row.id, row]))
    return ids.flatMap((id) => rows.get(id) ?? [])
  }

  #normalise(normalised: Normalised, said: string): void {
    if (normalised.sources !== null) {
      this.edit({ ...this.draft, sources: normalised.sources })
      this.#announcer.say(said)
    } else {
      this.refusal = normalised.refusal
      this.#announcer.say(normalised.refusal)
    }
  }

  #undoTo(draft: MergeDraft): void {
    this.edit(draft)
    void this.#loadRows()
  }

  async #adaptersChanged(): Promise<void> {
    await this.#loadRows()
    this.#askPreview()
  }

  async #loadRows(): Promise<void> {
    const ids = [...new Set(this.draft.sources.map((source) => source.adapter))]
    if (ids.length === 0) return
    const answer = await this.#bridge.call('library.byIds', { ids })
    if (answer.ok) this.rows = new Map(answer.value.map((row) => [row.id, row]))
    else this.hostProblems = answer.problems
  }

  #askPreview(): void {
    this.waiting = this.draft.sources.length > 0
    if (this.waiting) this.#preview.put(this.draft)
    else {
      this.#preview.drop()
      this.previewed = null
      this.estimated = null
    }
  }
}

function keysOf(draft: MergeDraft | undefined): readonly string[] {
  return (draft?.sources ?? []).map((source) => source.key)
}
