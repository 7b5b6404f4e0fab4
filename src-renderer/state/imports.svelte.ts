import type { ImportProgress, ImportReport } from '../../src-main/contract/import-report.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Answer, Bridge } from '../bridge.ts'
import { importResultWords, relinkResultWords } from '../format/import-words.ts'
import { plural } from '../format/words.ts'
import type { Announcer } from './announce.svelte.ts'
import { filesOfDrop, filesOfInput, uploadAll, type FoundFile, type UploadProgress } from './dropped-files.ts'

/**
 * Owns the import that is running, the report of the last one, and how dropped things become paths.
 * Progress follows import.progress; the report is asked for when an import ends and when it is opened.
 */
export class ImportsState {
  progress = $state.raw<ImportProgress | null>(null)
  report = $state.raw<ImportReport | null>(null)
  reportOpen = $state(false)
  /** Set while dropped files are copied to the host (web only). */
  upload = $state.raw<UploadProgress | null>(null)
  /** The folder to look through for missing files is being asked for. */
  relinkOpen = $state(false)
  /** Which import looks for missing files instead of new adapters; null for none. */
  relinkId = $state<string | null>(null)
  /** The import that runs or ran last is one that looks for missing files. */
  relinks = $derived(this.progress !== null && this.progress.id === this.relinkId)
  /** True from the wish to import until the first progress. */
  starting = $state(false)
  running = $derived(this.progress !== null && this.progress.stage !== 'done')
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  #uploadStop: AbortController | null = null

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
    bridge.on('import.progress', (progress) => this.#follow(progress))
  }

  /** Looks up the last import, so that its report can be opened after a restart. */
  async load(): Promise<void> {
    const answer = await this.#bridge.call('library.lastImport', {})
    if (answer.ok) this.report = answer.value
  }

  /** Asks the host for a folder or files and imports them. */
  async pick(): Promise<void> {
    await this.#start('Nothing was imported.', this.#bridge.call('library.pickAndImport', {}))
  }

  async addDemo(): Promise<void> {
    await this.#start('The demo pool was not added.', this.#bridge.call('library.importDemo', {}))
  }

  /** Imports what was dropped on the window. Must be called inside the drop event: the items are gone after it. */
  async drop(items: DataTransferItemList): Promise<void> {
    if (this.#bridge.drop.kind === 'path') await this.#dropPaths(items, this.#bridge.drop.pathForFile)
    else await this.#upload(await filesOfDrop(items))
  }

  /** Imports the files of a chosen folder; only for hosts without a dialog of their own. */
  async choose(files: FileList): Promise<void> {
    await this.#upload(filesOfInput(files))
  }

  async stop(): Promise<void> {
    this.#uploadStop?.abort()
    if (!this.progress || !this.running) return
    const answer = await this.#bridge.call('library.stopImport', { id: this.progress.id })
    const problems = answer.ok ? answer.value.problems : answer.problems
    if (problems.length > 0) this.#announcer.problem('The import was not stopped.', problems)
  }

  /** Opens the report of the last import beside the table. */
  async openReport(): Promise<void> {
    await this.load()
    this.reportOpen = this.report !== null
  }

  /** Takes the result line of an ended import away; the report stays. */
  dismiss(): void {
    if (!this.running) this.progress = null
  }

  /** Looks through a folder for the files of missing adapters, known by their content; imports nothing new. Progress follows as an import's. */
  async relink(folder: string): Promise<void> {
    this.relinkOpen = false
    const id = await this.#start('Nothing was looked for.', this.#bridge.call('library.relink', { paths: [folder] }))
    this.relinkId = id
  }

  /** Looks again for the files of every adapter. */
  async rescan(): Promise<void> {
    this.#announcer.say('Looking for the files of every adapter.')
    const answer = await this.#bridge.call('library.rescan', {})
    if (!answer.ok) this.#announcer.problem('The files were not looked for.', answer.problems)
    else {
      const { missing, found } = answer.value
      const all = missing + found === 0
      this.#announcer.done(
        all
          ? 'Every file is where it was.'
          : `Rescan: ${plural(missing, 'adapter')} with no file any more, ${plural(found, 'adapter')} found again.`,
        missing === 0 ? undefined : { label: 'Find missing files', run: () => (this.relinkOpen = true) },
      )
    }
  }

  async #dropPaths(items: DataTransferItemList, pathForFile: (file: File) => Promise<string | null>): Promise<void> {
    const files = [...items].flatMap((item) => item.getAsFile() ?? [])
    const paths = (await Promise.all(files.map(pathForFile))).filter((path) => path !== null)
    if (paths.length === 0) this.#announcer.problem('What was dropped is not a file or folder on this machine.')
    else await this.#start('Nothing was imported.', this.#bridge.call('library.import', { paths }))
  }

  async #upload(files: readonly FoundFile[]): Promise<void> {
    if (this.#bridge.drop.kind !== 'upload') throw new Error('only a host without paths takes uploads')
    if (files.length === 0) {
      this.#announcer.problem('Nothing to import: no adapter_config.json and no weights file was found in what you chose.')
      return
    }
    this.#uploadStop = new AbortController()
    try {
      const folder = await uploadAll(files, this.#bridge.drop.upload, this.#uploadStop.signal, (progress) => (this.upload = progress))
      if (folder !== null) await this.#start('Nothing was imported.', this.#bridge.call('library.import', { paths: [folder] }))
    } catch (error) {
      this.#announcer.problem(`Copying stopped: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.upload = null
      this.#uploadStop = null
    }
  }

  async #start(
    refused: string,
    asked: Promise<Answer<{ readonly id: string | null; readonly problems: readonly Problem[] }>>,
  ): Promise<string | null> {
    this.starting = true
    const answer = await asked
    this.starting = false
    const problems = answer.ok ? answer.value.problems : answer.problems
    if (problems.length > 0) this.#announcer.problem(refused, problems)
    return answer.ok ? answer.value.id : null
  }

  #follow(progress: ImportProgress): void {
    const before = this.progress
    this.progress = progress
    this.starting = false
    if (progress.stage === before?.stage && progress.id === before.id) return
    if (progress.stage === 'done') {
      this.#announcer.say(
        this.relinks
          ? `Search finished: ${relinkResultWords(progress.counts)}.`
          : `Import finished: ${importResultWords(progress.counts)}.`,
      )
      void this.load()
    } else if (before?.id !== progress.id) this.#announcer.say(this.relinks ? 'Search for missing files started.' : 'Import started.')
  }
}
