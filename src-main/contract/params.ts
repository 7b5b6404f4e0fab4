import { errorProblem, shownValue, type Problem } from './problems.ts'
import { didYouMean } from './suggest.ts'

/** A value a registry parameter may take. */
export type ParamValue = number | string | boolean
export type ParamValues = Readonly<Record<string, ParamValue>>

interface ParamBase {
  /** Name in recipes and in the generated native struct; snake_case there. */
  readonly id: string
  readonly label: string
  /** One sentence: what it does, its range, what a larger value means. */
  readonly help: string
  /** One value for the whole recipe, or one for each adapter. */
  readonly per: 'recipe' | 'adapter'
}
/** Numbers that a resolved recipe takes from its sources where a person gives none. */
export const automaticNumbers = {
  'mean-rank': 'the mean rank of the adapters (their common rank when it is one)',
} as const
export type AutomaticNumber = keyof typeof automaticNumbers

interface NumberParam extends ParamBase {
  readonly kind: 'number' | 'integer'
  /** A number, or "auto": `automatic` says which number the resolved recipe gets then. */
  readonly default: number | 'auto'
  /** Present where "auto" is allowed. */
  readonly automatic?: AutomaticNumber
  /** Inclusive bounds. */
  readonly min?: number
  readonly max?: number
  /** Step of the form's spinner; no constraint on values. */
  readonly step?: number
}
interface ChoiceParam extends ParamBase {
  readonly kind: 'choice'
  readonly default: string
  readonly options: readonly { readonly id: string; readonly label: string; readonly help?: string }[]
}
interface FlagParam extends ParamBase {
  readonly kind: 'flag'
  readonly default: boolean
}
/** The description of one registry parameter: form, validation, help, docs and native struct all follow from it. */
export type ParamSpec = NumberParam | ChoiceParam | FlagParam

/** The default of every parameter of one level. */
export function defaultsOf(specs: readonly ParamSpec[], per: ParamSpec['per']): ParamValues {
  return Object.fromEntries(specs.filter((spec) => spec.per === per).map((spec) => [spec.id, spec.default]))
}

/** `values` completed with defaults, or the problems that keep it from being used. The only validator of registry parameters. */
export function checkParams(
  specs: readonly ParamSpec[],
  values: Readonly<Record<string, unknown>>,
  per: ParamSpec['per'],
  field: string,
): { readonly params: ParamValues; readonly problems: readonly Problem[] } {
  const mine = specs.filter((spec) => spec.per === per)
  const problems: Problem[] = []
  const params: Record<string, ParamValue> = { ...defaultsOf(specs, per) }
  for (const [id, value] of Object.entries(values)) {
    const spec = mine.find((candidate) => candidate.id === id)
    if (!spec) {
      problems.push(unknownParameter(id, value, mine, field))
      continue
    }
    const refusal = refusalOf(spec, value)
    if (refusal === undefined) params[id] = value as ParamValue
    else {
      const allowed = allowedOf(spec)
      problems.push(
        errorProblem('parameter-invalid', `${spec.label} (${id}) is ${shownValue(value)}, but ${refusal}.`, {
          where: { field: `${field}.${id}`, value: shownValue(value) },
          allowed,
          hint: `Use ${allowed.join(' or ')}; the default is ${shownValue(spec.default)}.`,
        }),
      )
    }
  }
  return { params, problems }
}

/** What a parameter allows, in words, for help texts and problems. */
export function allowedOf(spec: ParamSpec): readonly string[] {
  if (spec.kind === 'choice') return spec.options.map((option) => option.id)
  if (spec.kind === 'flag') return ['true', 'false']
  const noun = `${spec.automatic ? 'auto or ' : ''}${spec.kind === 'integer' ? 'a whole number' : 'a number'}`
  if (spec.min !== undefined && spec.max !== undefined) return [`${noun} from ${spec.min} to ${spec.max}`]
  if (spec.min !== undefined) return [`${noun} of at least ${spec.min}`]
  if (spec.max !== undefined) return [`${noun} of at most ${spec.max}`]
  return [noun]
}

function refusalOf(spec: ParamSpec, value: unknown): string | undefined {
  if (spec.kind === 'flag') return typeof value === 'boolean' ? undefined : 'it must be true or false'
  if (spec.kind === 'choice') return spec.options.some((option) => option.id === value) ? undefined : 'that is not one of its choices'
  if (value === 'auto' && spec.automatic) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'it must be a finite number'
  if (spec.kind === 'integer' && !Number.isSafeInteger(value)) return 'it must be a whole number'
  if (spec.min !== undefined && value < spec.min) return `it must be at least ${spec.min}`
  if (spec.max !== undefined && value > spec.max) return `it must be at most ${spec.max}`
  return undefined
}

function unknownParameter(id: string, value: unknown, known: readonly ParamSpec[], field: string): Problem {
  const allowed = known.map((spec) => spec.id)
  return errorProblem('unknown-parameter', `There is no parameter "${id}" here.`, {
    where: { field: `${field}.${id}`, value: shownValue(value) },
    allowed,
    hint: allowed.length === 0 ? 'This method takes no parameters of this kind: remove it.' : didYouMean(id, allowed),
  })
}
