import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { AdapterFacts } from './adapter-facts.ts'
import { createHeaderMemo, type HeaderMemo } from './header-memo.ts'
import { screensFromHeaders } from './judge-screens.ts'
import { maxCardBytes, noCard, parseModelCard, type ModelCard } from './model-card.ts'
import { maxConfigBytes, parsePeftConfig, type PeftConfig } from './peft-config.ts'
import { isSystemError, readFully, reasonOf, withFile, type OpenFile, type Stamp } from './read-file.ts'
import { readHeader } from './read-header.ts'
import { readUpdate, updateKey } from './read-update.ts'

export const weightsName = 'adapter_model.safetensors'
export const configName = 'adapter_config.json'
/** Pickle files that hold adapters; they are listed and never opened. */
export const pickleNames: readonly string[] = ['adapter_model.bin', 'adapter_model.pt', 'adapter_model.pth']

/**
 * What the headers in `folder` (a real path) tell of the adapter in it: config, names, shapes and types of the tensors, model card. Reads no
 * values and throws nothing that can be explained; problems with the severity error refuse the adapter. `memo` makes reading many of them faster.
 */
export function readAdapter(folder: string, memo: HeaderMemo = createHeaderMemo()): AdapterFacts {
  const configPath = join(folder, configName)
  const weightsPath = join(folder, weightsName)
  const configFile = existsSync(configPath) ? readConfig(configPath) : null
  const header = existsSync(weightsPath) ? readHeader(weightsPath, memo) : null
  const problems: Problem[] = []
  if (configFile === null) problems.push(configMissing(folder))
  else problems.push(...configFile.problems)
  if (header === null) problems.push(weightsMissing(folder))
  else if ('code' in header) problems.push(header)
  const usable = header !== null && !('code' in header) ? header : null
  const config = configFile?.config ?? null
  const card = readCard(join(folder, 'README.md'))
  const update = usable && config ? memo.derived(usable.tensors, updateKey(config), () => readUpdate(config, usable.tensors)) : null
  if (update) problems.push(...placed(update.inWeights, weightsPath), ...placed(update.inConfig, configPath))
  return {
    folder,
    weightsPath: header === null ? null : weightsPath,
    stamp: `${usable?.stamp ?? '-'}|${configFile?.stamp ?? '-'}`,
    name: nameOf(folder),
    baseModelName: config?.baseModelName ?? card.baseModelName,
    useRslora: config?.useRslora ?? false,
    sizeBytes: usable?.sizeBytes ?? (header ? statSync(weightsPath, { throwIfNoEntry: false })?.size : 0) ?? 0,
    licence: card.licence,
    cardTags: card.tags,
    variant: update?.variant ?? 'other',
    modules: update?.modules ?? [],
    ignoredTensors: update?.ignoredTensors ?? [],
    config: config?.canonical ?? null,
    problems,
    screens: screensFromHeaders(config, header !== null, update?.factorsPaired ?? null),
  }
}

/** The name an adapter gets from its place: its folder, with the repository's name for the hub's cache and the run's for checkpoints. */
export function nameOf(folder: string): string {
  const name = basename(folder)
  const repository = /[\\/]models--([^\\/]+)[\\/]snapshots[\\/][^\\/]+(.*)$/.exec(folder)
  if (repository) return `${repository[1]!.replaceAll('--', '/')}${repository[2]!.replaceAll('\\', '/')}`
  return /^checkpoint-\d+$/.test(name) ? `${basename(dirname(folder))}/${name}` : name
}

function placed(problems: readonly Problem[], path: string): readonly Problem[] {
  return problems.map((problem) => ({ ...problem, where: { path, ...problem.where } }))
}

interface ConfigFile {
  readonly config: PeftConfig | null
  readonly problems: readonly Problem[]
  readonly stamp: Stamp
}

function readConfig(path: string): ConfigFile {
  const read = withFile(path, (file): ConfigFile => {
    if (file.sizeBytes > maxConfigBytes) return { config: null, problems: [configTooLarge(file.sizeBytes)], stamp: file.stamp }
    return { ...parsePeftConfig(readStart(file, maxConfigBytes)), stamp: file.stamp }
  })
  const { config, problems, stamp } = 'code' in read ? { config: null, problems: [read], stamp: '-' } : read
  return { config, problems: placed(problems, path), stamp }
}

function readCard(path: string): ModelCard {
  if (!existsSync(path)) return noCard
  const card = withFile(path, (file) => parseModelCard(readStart(file, maxCardBytes).toString('utf8')))
  // A card that cannot be read tells nothing; the adapter does not depend on it.
  return 'code' in card ? noCard : card
}

function readStart(file: OpenFile, limitBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.min(file.sizeBytes, limitBytes))
  return bytes.subarray(0, readFully(file.handle, bytes, bytes.length, 0))
}

function configTooLarge(sizeBytes: number): Problem {
  return errorProblem('config-invalid', `adapter_config.json has ${sizeBytes} bytes; configs up to ${maxConfigBytes} bytes are read.`, {
    hint: 'This is no config that PEFT wrote. Ask where the adapter came from.',
  })
}

function configMissing(folder: string): Problem {
  return errorProblem('config-missing', `${configName} is missing: without it rank and alpha, and so the scaling, are not known.`, {
    where: { path: join(folder, configName) },
    hint: 'Copy the config that belongs to these weights into the folder, or download the adapter again.',
  })
}

function weightsMissing(folder: string): Problem {
  const pickle = pickleNames.find((name) => existsSync(join(folder, name)))
  if (pickle !== undefined)
    return errorProblem('pickle-not-opened', `The weights are in ${pickle} only, a pickle file, which can run code when it is opened.`, {
      where: { path: join(folder, pickle) },
      hint: 'Convert it outside of Amalgam, where you trust it: load it with torch.load(..., weights_only=True) and save it with safetensors.torch.save_file.',
    })
  const others = otherWeights(folder)
  if ('code' in others) return others
  const found = others.length > 0 ? ` The folder holds ${others.slice(0, 3).join(', ')}.` : ''
  return errorProblem('weights-missing', `${weightsName} is missing.${found}`, {
    where: { path: join(folder, weightsName) },
    hint: 'Download the weights beside the config; a single file of this name is read.',
  })
}

function otherWeights(folder: string): readonly string[] | Problem {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.safetensors') || name.endsWith('.safetensors.index.json'))
  } catch (error) {
    if (!isSystemError(error)) throw error
    return folderUnreadable(folder, reasonOf(error))
  }
}

/** The problem of a folder that cannot be listed. */
export function folderUnreadable(folder: string, reason: string): Problem {
  return errorProblem('folder-unreadable', `The folder cannot be read: ${reason}.`, {
    where: { path: folder },
    hint: 'Check that it is there and that you may read it, then import it again.',
  })
}
