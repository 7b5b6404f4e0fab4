import { isUtf8 } from 'node:buffer'
import { errorProblem, hasError, shownValue, type Problem, type ProblemCode } from '../contract/problems.ts'
import { canonicalJson } from '../platform/canonical-json.ts'

/** Largest adapter_config.json that is read, in bytes; those with a pattern for every module take some 100 kB. */
export const maxConfigBytes = 4_000_000
/** Largest rank that is read (ENGINE.md D.9). */
export const maxRank = 4096
/** What PEFT takes for a rank or alpha that the config does not give. */
const defaultRank = 8
const defaultAlpha = 8

/** One entry of rank_pattern or alpha_pattern, in file order. */
export type PatternEntry = readonly [key: string, value: number]

/** adapter_config.json with the fields that decide what an adapter is; `fields` holds the whole object. */
export interface PeftConfig {
  readonly fields: Readonly<Record<string, unknown>>
  /** Canonical JSON of the whole config: part of the adapter's identity. */
  readonly canonical: string
  readonly rank: number
  readonly alpha: number
  readonly rankPattern: readonly PatternEntry[]
  readonly alphaPattern: readonly PatternEntry[]
  readonly useRslora: boolean
  readonly baseModelName: string | null
  /** Names (exact or as suffix), one pattern for whole names, or null when the config names none. */
  readonly targetModules: readonly string[] | string | null
}

/** The config in `bytes`, null when nothing can be known of the adapter without it, and every problem found in it. */
export function parsePeftConfig(bytes: Uint8Array): { readonly config: PeftConfig | null; readonly problems: readonly Problem[] } {
  const parsed = parseObject(bytes)
  if ('code' in parsed) return { config: null, problems: [parsed] }
  const { fields, canonical } = parsed
  const problems: Problem[] = []
  const read = <T>(name: string, fallback: T, check: (value: unknown) => T | Problem): T => {
    const given = own(fields, name)
    if (given === undefined || given === null) return fallback
    const value = check(given)
    if (!isProblem(value)) return value
    problems.push(value)
    return fallback
  }
  const config: PeftConfig = {
    fields,
    canonical,
    rank: read('r', defaultRank, (value) => checkRank(value, 'r')),
    alpha: read('lora_alpha', defaultAlpha, (value) => checkAlpha(value, 'lora_alpha')),
    rankPattern: read('rank_pattern', [], (value) => checkPattern(value, 'rank_pattern', checkRank)),
    alphaPattern: read('alpha_pattern', [], (value) => checkPattern(value, 'alpha_pattern', checkAlpha)),
    useRslora: read('use_rslora', false, (value) => checkFlag(value, 'use_rslora')),
    baseModelName: read('base_model_name_or_path', null, (value) => checkBaseName(value)),
    targetModules: read('target_modules', null, (value) => checkTargets(value)),
  }
  const refusal = notLora(own(fields, 'peft_type'))
  if (refusal) problems.unshift(refusal)
  return { config, problems }
}

/** A field that the config itself holds, undefined otherwise. */
export function own(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function parseObject(bytes: Uint8Array): { fields: Readonly<Record<string, unknown>>; canonical: string } | Problem {
  const damaged = 'Open the file in a text editor to see what is wrong, or download the adapter again.'
  if (!isUtf8(bytes)) return errorProblem('config-not-json', 'adapter_config.json is not UTF-8 text.', { hint: damaged })
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
    const canonical = canonicalJson(value)
    if (isObject(value)) return { fields: value, canonical }
    return errorProblem('config-invalid', 'adapter_config.json holds no object.', { where: { value: shownValue(value) }, hint: damaged })
  } catch (error) {
    if (error instanceof RangeError)
      return errorProblem('config-invalid', `adapter_config.json is not read: ${error.message}. No config of PEFT has that.`, {
        hint: damaged,
      })
    if (!(error instanceof SyntaxError)) throw error
    const reason = error.message.replace(/ in JSON at position (\d+).*$/s, ' at character $1').slice(0, 160)
    return errorProblem('config-not-json', `adapter_config.json is not JSON: ${reason}.`, { hint: damaged })
  }
}

function notLora(type: unknown): Problem | null {
  if (type === 'LORA') return null
  const where = { field: 'peft_type', value: shownValue(type) }
  const detail = { where, allowed: ['LORA'], hint: 'Amalgam reads LoRA adapters; other kinds have no factors A and B to work with.' }
  if (type === undefined || type === null)
    return errorProblem('config-invalid', 'adapter_config.json does not say which kind of adapter this is: peft_type is missing.', detail)
  return errorProblem('not-a-lora', `The adapter is of the kind ${shownValue(type)}, not LORA.`, detail)
}

function checkRank(value: unknown, field: string): number | Problem {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maxRank) return value
  return invalid('rank-out-of-range', field, value, `a whole number from 1 to ${maxRank}`)
}

function checkAlpha(value: unknown, field: string): number | Problem {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  return invalid('alpha-invalid', field, value, 'a finite number greater than 0')
}

function checkPattern(
  value: unknown,
  field: string,
  check: (value: unknown, field: string) => number | Problem,
): readonly PatternEntry[] | Problem {
  if (!isObject(value)) return invalid('config-invalid', field, value, 'an object of patterns and numbers')
  const entries: PatternEntry[] = []
  for (const [key, item] of Object.entries(value)) {
    const checked = check(item, `${field}.${key}`)
    if (isProblem(checked)) return checked
    entries.push([key, checked])
  }
  return entries
}

function checkFlag(value: unknown, field: string): boolean | Problem {
  return typeof value === 'boolean' ? value : invalid('config-invalid', field, value, 'true or false')
}

function checkBaseName(value: unknown): string | null | Problem {
  if (typeof value !== 'string') return invalid('config-invalid', 'base_model_name_or_path', value, 'a text')
  const name = value.trim().slice(0, 500)
  return name === '' ? null : name
}

function checkTargets(value: unknown): readonly string[] | string | Problem {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  return invalid('config-invalid', 'target_modules', value, 'a list of names or one pattern')
}

function invalid(code: ProblemCode, field: string, value: unknown, expected: string): Problem {
  return errorProblem(code, `${field} in adapter_config.json is ${shownValue(value)}; it must be ${expected}.`, {
    where: { field, value: shownValue(value) },
    hint: 'Without it the scaling of the update is not known. Correct the config, or ask where the adapter came from.',
  })
}

function isProblem(value: unknown): value is Problem {
  return isObject(value) && 'code' in value && 'severity' in value && hasError([value as unknown as Problem])
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
