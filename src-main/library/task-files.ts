import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { exampleSchema, splits, taskFileSchema, type Example, type Split, type TaskFile } from '../contract/task.ts'
import { canonicalJson } from '../platform/canonical-json.ts'
import { writeFileWhole } from '../platform/write-file.ts'
import type { ExamplesBySplit } from '../tasks/check-examples.ts'

/** Folder of the tasks' files in the library's folder; each version of a task has its own below it: tasks/<id>/<version>-<start of the hash>. */
export const tasksFolder = 'tasks'

/**
 * SHA-256 over what results depend on: the task file without title, version and source, and every example with its id. A task under a new title, or
 * changed back to what it was, keeps the results it has.
 */
export function taskHash(file: TaskFile, examples: ExamplesBySplit): string {
  const { title: _title, version: _version, source: _source, ...rest } = file
  const hash = createHash('sha256').update(`${canonicalJson(rest)}\n`)
  for (const split of splits) {
    hash.update(`${split}\n`)
    for (const example of examples[split]) hash.update(`${canonicalJson(example)}\n`)
  }
  return hash.digest('hex')
}

/** Path of a version's folder, seen from the library's folder. */
export function versionFolder(file: Pick<TaskFile, 'id' | 'version'>, hash: string): string {
  return [tasksFolder, file.id, `${file.version}-${hash.slice(0, 12)}`].join('/')
}

/** Writes a version's files, each whole. What a crash leaves is not known to the library and is written again the next time. */
export async function writeTaskFiles(folder: string, file: TaskFile, examples: ExamplesBySplit): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const split of splits) {
    const lines = examples[split].map((example) => `${JSON.stringify(example)}\n`)
    await writeFileWhole(join(folder, `${split}.jsonl`), lines.join(''))
  }
  await writeFileWhole(join(folder, 'task.json'), `${JSON.stringify(file, null, 2)}\n`)
}

/** The task file of a version. Throws Refusal: task-not-readable. */
export function readTaskFile(folder: string): TaskFile {
  const path = join(folder, 'task.json')
  return readWhole(path, (text) => v.parse(taskFileSchema, JSON.parse(text)))
}

/** A version's examples of one split. Throws Refusal: task-not-readable. */
export function readExamples(folder: string, split: Split): readonly Example[] {
  const path = join(folder, `${split}.jsonl`)
  return readWhole(path, (text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => v.parse(exampleSchema, JSON.parse(line))),
  )
}

/** Deletes every version of a task. */
export function removeTaskFiles(libraryFolder: string, id: string): void {
  rmSync(join(libraryFolder, tasksFolder, id), { recursive: true, force: true })
}

function readWhole<T>(path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Refusal([
      errorProblem(
        'task-not-readable',
        `The library's copy of the task cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
        {
          where: { path },
          hint: 'The file was changed or removed. Remove the task and add it again.',
        },
      ),
    ])
  }
}
