import { realpath } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { dirname, extname, resolve } from 'node:path'
import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, hasError, Refusal, warningProblem, type Problem, type ProblemCode } from '../contract/problems.ts'
import type { Log } from '../platform/log.ts'
import { workerFile } from '../platform/worker-file.ts'
import { baseFiles, baseHashOf, baseStamp, hashedFiles, type BaseFile } from './base-files.ts'
import type { BasePlace, BaseStore, CheckpointFacts, NewBase } from './base-types.ts'
import { checkVocabulary } from '../tasks/tokenizer.ts'
import { readTokens, type TokenFacts } from './base-tokens.ts'
import { createLane } from './lane.ts'
import { nameOf } from './read-adapter.ts'
import { isSystemError, reasonOf } from './read-file.ts'
import { createWorkerPool } from './worker-pool.ts'

/** What became of adding a folder. A checkpoint that cannot be used is listed too, with its problems; id null: there is none. */
export interface AddedBase {
  readonly id: string | null
  readonly problems: readonly Problem[]
}

/** Takes base models in and watches over their files. */
export interface BaseKeeper {
  /** Adds the checkpoint in a folder (or that a file lies in). Answers when its facts are read; its files are hashed afterwards. */
  add(path: string): Promise<AddedBase>
  /** Every base model, after a look at its files. */
  list(): Promise<readonly BaseModel[]>
  /** Looks whether the files are where they were; what changed is read anew. */
  rescan(): Promise<void>
  /** Waits for the hash of a base model; the id under which it is known then (another one's with the same content). */
  settled(id: string): Promise<string>
  /** For hosts that stay: takes up hashing that an earlier process did not finish. */
  takeUp(): void
  close(): Promise<void>
}

export interface BaseKeeperOptions {
  readonly bases: BaseStore
  /** Facts of a checkpoint's folder; throws a Refusal for one that cannot be used. */
  readonly checkpoint: (folder: string, signal: AbortSignal) => Promise<CheckpointFacts>
  readonly emitChanged: () => void
  readonly log: Log
}

/** Threads that hash; shards are read side by side. */
const hashingThreads = 2
/** How long a list waits for new adapters to be looked at, in milliseconds. */
const shapesWaitMs = 200
/** How long a figure of free memory holds, in milliseconds. */
const memoryHoldsMs = 30_000
/** Problems of the machine or the moment, for which a checkpoint is not listed as refused. */
const momentary: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'native-not-built',
  'out-of-memory',
  'cancelled',
  'cuda-error',
  'device-lost',
])

/** The keeper over the library's base models. Close it before the library. */
export function createBaseKeeper({ bases, checkpoint, emitChanged, log }: BaseKeeperOptions): BaseKeeper {
  const pool = createWorkerPool(workerFile('library/read-worker'), hashingThreads)
  const closing = new AbortController()
  // One folder at a time: adding the same one twice makes one base model.
  const adding = createLane(1)
  const hashing = new Map<string, Promise<string>>()
  /** Ids that turned out to be another base model's content. */
  const joined = new Map<string, string>()
  let shapes: Promise<void> | null = null
  const memory = new Map<string, { readonly at: number; readonly rows: BaseModel['memory'] }>()

  async function read(folder: string, files: readonly BaseFile[]): Promise<NewBase> {
    const [facts, tokens] = await Promise.all([factsOf(folder), readTokens(folder)])
    const problems = [...facts.problems, ...tokens.problems, ...misfits(facts.facts, tokens, folder)]
    return { path: folder, name: nameOf(folder), stamp: baseStamp(files), facts: facts.facts, template: tokens.template, problems }
  }

  async function factsOf(folder: string): Promise<{ readonly facts: CheckpointFacts | null; readonly problems: readonly Problem[] }> {
    try {
      return { facts: await checkpoint(folder, closing.signal), problems: [] }
    } catch (error) {
      if (!(error instanceof Refusal) || error.problems.some(({ code }) => momentary.has(code))) throw error
      return { facts: null, problems: error.problems }
    }
  }

  async function addFolder(path: string): Promise<AddedBase> {
    const folder = await folderOf(path)
    if (typeof folder !== 'string') return { id: null, problems: [folder] }
    const files = await baseFiles(folder)
    if (files === null || files.length === 0) return { id: null, problems: [nothingHere(folder)] }
    const known = bases.atPath(folder)
    if (known && known.stamp === baseStamp(files) && known.status !== 'refused') return putBack(known)
    const base = await read(folder, files)
    const id = known?.status === 'refused' || known?.status === 'checking' ? replaceRow(known, base) : addRow(known, base)
    emitChanged()
    if (!hasError(base.problems)) void hash(id)
    return { id, problems: base.problems }
  }

  /** The files are as they were: nothing to read. */
  function putBack({ id, status }: Pick<BasePlace, 'id' | 'status'>): AddedBase {
    if (status === 'missing') bases.setMissing(id, false)
    const base = bases.get(id)!
    if (status === 'missing') emitChanged()
    if (base.status === 'checking') void hash(id)
    return { id, problems: base.problems }
  }

  function replaceRow({ id }: BasePlace, base: NewBase): string {
    bases.replace(id, base, hasError(base.problems) ? 'refused' : 'checking')
    return id
  }

  /** Other content lies in a known place: the base model that was there keeps its results, and is missing unless the content turns out to be its own. */
  function addRow(known: BasePlace | null, base: NewBase): string {
    if (known) bases.setMissing(known.id, true)
    const { id } = bases.add(known ? { ...base, name: bases.get(known.id)?.name ?? base.name } : base)
    return id
  }

  /** Hashes a base model's files, once however many ask; resolves to the id that stays. A failure refuses it and is no error here. */
  function hash(id: string): Promise<string> {
    const underway = hashing.get(id)
    if (underway) return underway
    const work = hashNow(id)
      .catch((error: unknown) => {
        if (!closing.signal.aborted) log.error('a base model could not be hashed', { id, error: String(error) })
        return id
      })
      .finally(() => hashing.delete(id))
    hashing.set(id, work)
    return work
  }

  async function hashNow(id: string): Promise<string> {
    const place = bases.places().find((one) => one.id === id)
    const facts = bases.facts(id)
    if (!place || !facts) return id
    const files = (await baseFiles(place.path)) ?? []
    if (baseStamp(files) !== place.stamp) return id
    const wanted = hashedFiles(files, facts.files)
    const hashes = await Promise.all(
      wanted.map(async ({ path, stamp }) => {
        const sha256 = await pool.run('hash', { path, stamp, part: 'whole' }, { signal: closing.signal })
        return [path, sha256] as const
      }),
    )
    if (closing.signal.aborted) return id
    const problems = hashes.flatMap(([, sha256]) => (sha256 !== null && typeof sha256 !== 'string' ? [sha256] : []))
    const whole = hashes.flatMap(([path, sha256]) => (typeof sha256 === 'string' ? [[path, sha256] as const] : []))
    const settled = problems.length > 0 || whole.length < wanted.length ? null : bases.settle(id, baseHashOf(whole))
    if (settled === null && problems.length > 0) bases.refuse(id, problems)
    if (settled !== null && settled.id !== id) joined.set(id, settled.id)
    emitChanged()
    return settled?.id ?? id
  }

  async function rescan(): Promise<void> {
    for (const place of bases.places()) {
      const files = (await baseFiles(place.path)) ?? []
      const isMissing = place.status === 'missing'
      if (files.length === 0) {
        if (isMissing) continue
        bases.setMissing(place.id, true)
        emitChanged()
      } else if (baseStamp(files) === place.stamp) {
        if (isMissing) putBack(place)
      } else if (!isMissing) await adding.run(() => addFolder(place.path))
    }
  }

  /** Looks at new adapters. A large pool takes some seconds the first time: lists do not wait for that, they are told when it is done. */
  async function readShapes(): Promise<void> {
    if (shapes) return
    shapes = bases.readShapes(closing.signal).finally(() => (shapes = null))
    const isLate = await Promise.race([shapes.then(() => false), setTimeout(shapesWaitMs, true, { ref: false })])
    if (isLate) shapes?.then(emitChanged, (error: unknown) => log.error('adapters could not be matched', { error: String(error) }))
  }

  /** Memory is asked for again when the last answer is old; a base model that cannot be read now keeps its last answer. */
  async function memoryOf(base: BaseModel): Promise<BaseModel['memory']> {
    const known = memory.get(base.id)
    if (known && performance.now() - known.at < memoryHoldsMs) return known.rows
    const facts = await factsOf(base.path).catch((error: unknown) => {
      if (error instanceof Refusal) return { facts: null }
      throw error
    })
    const rows = facts.facts ? [...facts.facts.memory] : base.memory
    memory.set(base.id, { at: performance.now(), rows })
    return rows
  }

  return {
    add: (path) => adding.run(() => addFolder(path)),
    async list() {
      await rescan()
      await readShapes()
      return Promise.all(bases.list().map(async (base) => (base.status === 'ok' ? { ...base, memory: await memoryOf(base) } : base)))
    },
    rescan,
    async settled(id) {
      return hashing.get(id) ?? joined.get(id) ?? id
    },
    takeUp() {
      for (const { id, status } of bases.places()) if (status === 'checking') void hash(id)
    },
    async close() {
      closing.abort()
      await pool.close()
      await Promise.all([...hashing.values(), shapes])
    },
  }
}

async function folderOf(path: string): Promise<string | Problem> {
  try {
    const real = await realpath(resolve(path))
    return ['.json', '.safetensors', '.jinja'].includes(extname(real)) ? dirname(real) : real
  } catch (error) {
    if (!isSystemError(error)) throw error
    return errorProblem('folder-unreadable', `The folder ${path} cannot be read: ${reasonOf(error)}.`, {
      where: { path },
      hint: 'Choose the folder of a Hugging Face checkpoint, which holds config.json and the weights.',
    })
  }
}

function nothingHere(folder: string): Problem {
  return errorProblem('checkpoint-missing', `${folder} holds no checkpoint: neither config.json nor weights.`, {
    where: { path: folder },
    hint: 'Choose the folder that holds config.json, model.safetensors (or its shards) and tokenizer.json.',
  })
}

/** What tokenizer and embedding, or the lack of a template, give to say. */
function misfits(facts: CheckpointFacts | null, { vocabulary, template, problems }: TokenFacts, folder: string): readonly Problem[] {
  const plain =
    template === 'plain' && problems.length === 0
      ? [
          warningProblem('template-missing', 'The base model brings no chat template; prompts are put together without one.', {
            where: { path: folder },
            hint: 'Instruction and input go one after the other. Put chat_template.jinja into the folder for another form.',
          }),
        ]
      : []
  const mismatch = facts && vocabulary !== null ? checkVocabulary({ vocabulary }, facts.vocabulary) : null
  return [...(mismatch ? [mismatch] : []), ...plain]
}
