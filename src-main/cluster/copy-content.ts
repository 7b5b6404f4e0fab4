import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ClusterContent, ClusterJob } from '../contract/cluster-job.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { splits, type Example, type TaskFile } from '../contract/task.ts'
import { folderName } from '../jobs/output-folder.ts'
import { baseFiles } from '../library/base-files.ts'
import { taskHash } from '../library/task-files.ts'
import { weightsFileOf, weightsName } from '../recipes/adapter-source.ts'
import type { ExamplesBySplit } from '../tasks/check-examples.ts'
import { readTask, taskEnding } from '../tasks/read-task.ts'
import type { SharedFolder } from './shared-folder.ts'

const configName = 'adapter_config.json'
const cardName = 'README.md'

/** An adapter where it lies now. Throws a Refusal (file-missing) where its files are gone. */
export function adapterPlace({ name, paths }: { readonly name: string; readonly paths: readonly string[] }): string {
  const file = weightsFileOf(paths)
  const place = file === null ? undefined : paths.find((path) => path === file || path === dirname(file))
  if (place !== undefined) return place
  throw new Refusal([
    errorProblem('file-missing', `The files of ${name} are not where they were.`, {
      where: { path: paths[0] ?? name },
      hint: 'Relink them first.',
    }),
  ])
}

/** Copies an adapter into the shared folder unless it is there; answers with its path in it. */
export async function copyAdapterInto(shared: SharedFolder, { name, path, contentHash }: ClusterContent): Promise<string> {
  const place = join('adapters', `${folderName(name)}-${contentHash.slice(0, 12)}`)
  await copyAdapterTo(join(shared.root, place), path)
  return place
}

/** Copies weights, config and card of the adapter at `from`, a folder or a weights file, to the folder `to`, which appears when it is whole. */
export async function copyAdapterTo(to: string, from: string): Promise<void> {
  const isFile = from.endsWith('.safetensors')
  const folder = isFile ? dirname(from) : from
  const card = join(folder, cardName)
  await makeFolder(to, async (making) => {
    await copyFile(isFile ? from : join(from, weightsName), join(making, weightsName))
    await copyFile(join(folder, configName), join(making, configName))
    if (await isThere(card)) await copyFile(card, join(making, cardName))
  })
}

/** Copies the files that a base model is known by into the shared folder unless they are there; answers with their path in it. */
export async function copyBaseInto({ root, base }: SharedFolder, { name, path, contentHash }: ClusterContent): Promise<string> {
  const place = join(basename(base), `${folderName(name)}-${contentHash.slice(0, 12)}`)
  const files = (await baseFiles(path)) ?? []
  await makeFolder(join(root, place), async (making) => {
    for (const file of files) await copyFile(file.path, join(making, basename(file.path)))
  })
  return place
}

/** Writes a task with all of its examples into the shared folder; answers with the path of its file in it. Reading it gives the same task again. */
export async function writeTaskInto(
  shared: SharedFolder,
  task: ClusterJob['task'],
  file: TaskFile,
  examples: ExamplesBySplit,
): Promise<string> {
  const place = join('tasks', `${task.id}-${task.hash.slice(0, 12)}`, `${task.id}${taskEnding}`)
  const path = join(shared.root, place)
  await makeFolder(dirname(path), async (making) => {
    for (const split of splits) {
      const lines = examples[split].map((example) => `${JSON.stringify(rowOf(example, file))}\n`)
      await writeFile(join(making, `${task.id}.${split}.jsonl`), lines.join(''))
    }
    await writeFile(join(making, `${task.id}${taskEnding}`), `${JSON.stringify(file, null, 2)}\n`)
  })
  const read = readTask(path)
  if (read.file === null || taskHash(read.file, read.examples) !== task.hash) throw new Refusal([notTheSame(task, path)])
  return place
}

function rowOf({ id, inputs, answer }: Example, { target }: TaskFile): Readonly<Record<string, string>> {
  return { id, ...inputs, [target]: answer }
}

/** Makes a folder that is whole when it appears; one that is there stays, also when another process was faster. */
async function makeFolder(folder: string, fill: (making: string) => Promise<void>): Promise<void> {
  if (await isThere(folder)) return
  const making = `${folder}.${randomBytes(6).toString('hex')}.partial`
  try {
    await mkdir(making, { recursive: true })
    await fill(making)
    await rename(making, folder).catch(async (error: unknown) => {
      if (!(await isFilled(folder))) throw error
    })
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

async function isFilled(folder: string): Promise<boolean> {
  return (await isThere(folder)) && (await readdir(folder)).length > 0
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function notTheSame({ id }: ClusterJob['task'], path: string) {
  return errorProblem('content-differs', `The task ${id} is not the same when it is read from a file again.`, {
    where: { path },
    hint: 'An input field of the task is named as its answer or as its id. Import its examples under other field names.',
  })
}
