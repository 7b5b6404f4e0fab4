import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import * as v from 'valibot'
import { adaptInputSchema, type AdaptInput, type AdaptRequestInput } from '../contract/adapt.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'
import type { ParamSpec, ParamValue } from '../contract/params.ts'
import { budgets } from '../contract/task.ts'
import { presets } from '../contract/presets.ts'
import { tunerOf, type Arm } from '../contract/tuners.ts'
import { weightsName } from '../recipes/adapter-source.ts'
import type { Arguments, CommandContext, OptionSpec } from './command.ts'
import { findBase, findSubjects, findTasks } from './find-evaluated.ts'
import { importPaths } from './import.ts'
import type { Session } from './session.ts'

type Terminal = Pick<CommandContext, 'signal' | 'progress'>

/** Options of every command that chooses, tunes, searches or trains. */
export function adaptOptions(arm: Arm): readonly OptionSpec[] {
  const mine = presets.filter((preset) => preset.arm === arm).map(({ id }) => id)
  return [
    { name: 'base', value: 'BASE', help: 'The base model: id, name, or the path of its folder. Needed.' },
    { name: 'task', value: 'TASK', help: 'The task: id, or the path of its file. Needed.' },
    { name: 'budget', value: 'COUNT', allowed: budgets.map(String), help: 'Only so many of the labelled examples (low-data variant).' },
    {
      name: 'pool',
      value: 'ADAPTER',
      repeatable: true,
      help: 'Adapters to choose from: id, unique name, path, or a folder of adapters; all that fit when not given.',
    },
    { name: 'own', value: 'ADAPTER', help: 'Your own LoRA for this task: id, unique name or path.' },
    ...(mine.length > 0 ? [{ name: 'preset', value: 'PRESET', allowed: mine, help: 'Settings known from a paper or from practice.' }] : []),
    {
      name: 'set',
      value: 'KEY=VALUE',
      repeatable: true,
      help: `A parameter: ${tunerOf(arm)
        .params.map(({ id }) => id)
        .join(', ')}.`,
    },
    { name: 'seed', value: 'NUMBER', help: '1 when not given.' },
    { name: 'name', value: 'NAME', help: 'Name of the adapter that is made.' },
  ]
}

/** What is wrong with how a command of this kind was typed, or undefined. */
export function adaptUsage(given: Arguments): string | undefined {
  const missing = ['base', 'task'].find((name) => !given.has(name))
  if (missing !== undefined) return `--${missing} is needed.`
  if (given.has('seed') && !isWhole(given.value('seed'))) return `--seed is "${given.value('seed')}". Allowed: a whole number from 0.`
  const unpaired = given.values('set').find((text) => !/^[^=]+=/.test(text))
  return unpaired === undefined ? undefined : `--set is "${unpaired}". Write KEY=VALUE.`
}

/** The input that the options ask for; base models, tasks and adapters given by path are added first. Throws a Refusal. */
export async function readAdaptInput(
  session: Session,
  given: Arguments,
  context: Terminal,
  arm: Arm,
  more: Partial<AdaptRequestInput> = {},
): Promise<AdaptInput> {
  const baseId = await findBase(session, given.value('base') ?? '', context)
  const { ids } = await findTasks(session, [given.value('task') ?? ''])
  const [taskId, another] = ids
  if (taskId === undefined || another !== undefined) throw new Refusal([oneTask(given.value('task') ?? '')])
  const pool = await findPool(session, given.values('pool'), context)
  const own = given.value('own')
  const [ownSubject] = own === undefined ? [] : await findSubjects(session, [own], context)
  const budget = given.value('budget')
  await session.services.library.bases.readShapes()
  return v.parse(adaptInputSchema, {
    ...{ arm, baseId, taskId, pool, preset: given.value('preset') ?? null, name: given.value('name') ?? null },
    budget: budget === undefined ? null : Number(budget),
    ownId: ownSubject?.kind === 'adapter' ? ownSubject.adapterId : null,
    params: readParams(given.values('set'), tunerOf(arm).params),
    seed: Number(given.value('seed') ?? 1),
    ...more,
  })
}

/** "key=value" texts as values of parameters, by the registry's kinds; what does not fit stays text, and is refused by name later. */
export function readParams(texts: readonly string[], specs: readonly ParamSpec[]): Record<string, ParamValue> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      const id = text.slice(0, at)
      return [
        id,
        readValue(
          text.slice(at + 1),
          specs.find((spec) => spec.id === id),
        ),
      ]
    }),
  )
}

/** A value as its parameter's kind has it. */
export function readValue(text: string, spec: ParamSpec | undefined): ParamValue {
  if (spec?.kind === 'flag' && (text === 'true' || text === 'false')) return text === 'true'
  const isNumber = text.trim() !== '' && Number.isFinite(Number(text))
  return (spec?.kind === 'number' || spec?.kind === 'integer') && isNumber ? Number(text) : text
}

/** Ids of the adapters that words mean; a folder stands for all adapters in it. */
async function findPool(session: Session, references: readonly string[], context: Terminal): Promise<readonly string[]> {
  const ids: string[] = []
  for (const reference of references) {
    if (isFolderOfAdapters(session, reference)) {
      const { items } = await importPaths(session, [reference], context)
      ids.push(...items.flatMap(({ status, id }) => (status !== 'refused' && id !== null ? [id] : [])))
    } else {
      const subjects = await findSubjects(session, [reference], context)
      ids.push(...subjects.flatMap((subject) => (subject.kind === 'adapter' ? [subject.adapterId] : [])))
    }
  }
  const found = [...new Set(ids)]
  if (references.length > 0 && found.length === 0) throw new Refusal([emptyPool(references)])
  return found
}

function isFolderOfAdapters({ services }: Session, reference: string): boolean {
  if (!('code' in services.library.adapters.find(reference, process.cwd()))) return false
  const path = resolve(reference)
  return existsSync(path) && statSync(path).isDirectory() && !existsSync(resolve(path, weightsName))
}

function isWhole(text: string | undefined): boolean {
  return /^\d{1,15}$/.test(text ?? '')
}

function oneTask(reference: string) {
  return errorProblem('task-unknown', `"${reference}" is not one task.`, {
    where: { field: 'task', value: reference },
    hint: 'Name one task by its id or its file.',
  })
}

function emptyPool(references: readonly string[]) {
  return errorProblem('pool-empty', `There is no adapter in ${references.join(', ')}.`, {
    where: { field: 'pool', value: references[0] ?? '' },
  })
}
