import { join } from 'node:path'
import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { Example } from '../contract/task.ts'
import type { HostPort } from './host-port.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'
import { createTaskImporter } from './task-import.ts'

type TaskRequest = Extract<keyof Handlers, `tasks.${string}`>

/** Endings of files that a dialog offers to import. */
const sourceEndings = ['jsonl', 'ndjson', 'json', 'csv', 'tsv', 'txt'] as const

/** Requests of tasks: the list, their examples and prompts, adding and importing. */
export function taskHandlers(
  services: Pick<Services, 'library' | 'emit'>,
  host: Pick<HostPort, 'paths' | 'pickFolder' | 'pickFile'>,
  permitted: (...paths: readonly string[]) => Promise<void>,
): Pick<Handlers, TaskRequest> {
  const { tasks, bases } = services.library
  const importer = createTaskImporter(tasks)
  const changed = <T>(answer: T): T => {
    services.emit('tasks.changed', {})
    return answer
  }
  const add = async (path: string) => changed(await tasks.add(path))
  const baseOf = (id: string): BaseModel => {
    const base = bases.get(id)
    if (!base) throw new Refusal([unknownBase(id)])
    return base
  }
  return {
    'tasks.list': () => tasks.list(),
    'tasks.get': ({ id }) => tasks.get(id),
    'tasks.examples': ({ id, split, text, offset, limit }) => {
      const found = tasks.examples(id, split).filter((example) => holds(example, text))
      return { examples: found.slice(offset, offset + limit), total: found.length }
    },
    'tasks.add': async ({ path }) => {
      await permitted(path)
      return add(path)
    },
    'tasks.pickAndAdd': async () => {
      const folder = await host.pickFolder('Add the tasks in a folder')
      return folder === null ? { ids: [], problems: [] } : add(folder)
    },
    'tasks.addDemo': () => add(join(host.paths.resources, 'demo', 'tasks')),
    'tasks.edit': async ({ id, changes }) => changed({ problems: await tasks.edit(id, changes) }),
    'tasks.remove': ({ id }) => changed({ problems: tasks.remove(id) }),
    'tasks.render': ({ id, baseId, split, exampleId }) => {
      const base = baseOf(baseId)
      const example = tasks.examples(id, split).find((candidate) => candidate.id === exampleId)
      return example ? importer.render(base, tasks.file(id), example) : { rendered: null, problems: [unknownExample(exampleId)] }
    },
    'tasks.readSource': async ({ path }) => {
      await permitted(path)
      return importer.describe(path)
    },
    'tasks.pickSource': async () => {
      const path = await host.pickFile('Import examples', sourceEndings)
      return path === null ? { source: null, problems: [] } : importer.describe(path)
    },
    'tasks.previewImport': async ({ mapping, baseId }) => {
      const path = pathOf(mapping)
      if (path !== undefined) await permitted(path)
      return importer.preview(mapping, baseId === null ? null : baseOf(baseId))
    },
    'tasks.import': async ({ mapping }) => {
      await permitted(mapping.path)
      return changed(await importer.run(mapping))
    },
  }
}

/** The path that a draft names; a draft without one is refused by its check. */
function pathOf(draft: unknown): string | undefined {
  const path = typeof draft === 'object' && draft !== null ? (draft as { readonly path?: unknown }).path : undefined
  return typeof path === 'string' ? path : undefined
}

function holds({ id, inputs, answer }: Example, text: string): boolean {
  const wanted = text.trim().toLowerCase()
  return wanted === '' || [id, answer, ...Object.values(inputs)].some((part) => part.toLowerCase().includes(wanted))
}

function unknownBase(id: string): Problem {
  return errorProblem('base-unknown', `The library has no base model with the id "${id.slice(0, 100)}".`, {
    where: { field: 'baseId', value: id.slice(0, 100) },
    hint: 'It may have been removed. Choose another one.',
  })
}

function unknownExample(id: string): Problem {
  return errorProblem('example-unknown', `The task has no example "${id.slice(0, 100)}" there.`, {
    where: { field: 'exampleId', value: id.slice(0, 100) },
    hint: 'The task may have been changed. Look at its examples again.',
  })
}
