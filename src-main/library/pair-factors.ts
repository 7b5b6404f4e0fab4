import type { Dtype } from '../contract/adapter.ts'
import { errorProblem, type Problem, type ProblemCode } from '../contract/problems.ts'
import type { HeaderTensor } from './parse-header.ts'
import { maxRank } from './peft-config.ts'
import { parseTensorName, placeOf, type ModulePlace, type TensorPart } from './tensor-name.ts'

/** Both factors of one module; rank is the rows of A and the columns of B. */
export interface FactorPair extends ModulePlace {
  readonly module: string
  readonly in: number
  readonly out: number
  readonly rank: number
  readonly dtype: Dtype
  readonly tensorA: string
  readonly tensorB: string
}

/** A tensor that is no factor, and what its name says that it is. */
export interface OtherTensor {
  readonly tensor: HeaderTensor
  readonly part: Exclude<TensorPart, 'A' | 'B'> | null
}

export interface PairedFactors {
  readonly pairs: readonly FactorPair[]
  readonly others: readonly OtherTensor[]
  /** Modules of convolutions: their factors have four dimensions and are not read as matrices. */
  readonly convolutions: readonly string[]
  readonly problems: readonly Problem[]
}

const dtypeNames: Readonly<Record<string, Dtype>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }
/** Beyond every layer. */
const maxPlace = Number.MAX_SAFE_INTEGER
const again = 'Re-download the adapter, or ask where it came from.'

interface Draft {
  a?: HeaderTensor
  b?: HeaderTensor
}

/** Pairs the factors of a file by the names of its tensors. `expertRanks`: rows of A are stacked by expert, so that rank has no upper limit. */
export function pairFactors(tensors: readonly HeaderTensor[], expertRanks: boolean): PairedFactors {
  const drafts = new Map<string, Draft>()
  const others: OtherTensor[] = []
  const findings = new Findings()
  for (const tensor of tensors) {
    const parsed = parseTensorName(tensor.name)
    if (parsed === null || (parsed.part !== 'A' && parsed.part !== 'B')) {
      others.push({ tensor, part: parsed?.part === 'magnitude' || parsed?.part === 'bias-of-b' ? parsed.part : null })
      continue
    }
    let draft = drafts.get(parsed.module)
    if (!draft) drafts.set(parsed.module, (draft = {}))
    const side = parsed.part === 'A' ? 'a' : 'b'
    const twin = draft[side]
    if (twin)
      findings.add('header-duplicate-key', parsed.module, `${twin.name} and ${tensor.name} name the same factor.`, tensor.name, again)
    else draft[side] = tensor
  }
  const pairs: FactorPair[] = []
  const convolutions: string[] = []
  for (const [module, draft] of drafts) {
    const { a, b } = draft
    if (!a || !b) addMissing(findings, module, draft)
    else if (a.shape.length === 4 && b.shape.length === 4) convolutions.push(module)
    else {
      const pair = checkPair(findings, module, a, b, expertRanks)
      if (pair) pairs.push(pair)
    }
  }
  return { pairs: inLayerOrder(pairs), others, convolutions, problems: findings.problems() }
}

/** Layers in their number's order (files sort "10" before "2"), modules outside the layers last; otherwise as in the file. */
function inLayerOrder(pairs: readonly FactorPair[]): readonly FactorPair[] {
  const place = (pair: FactorPair) => pair.layer ?? maxPlace
  return pairs.toSorted((left, right) => place(left) - place(right))
}

function addMissing(findings: Findings, module: string, { a, b }: Draft): void {
  const [missing, present] = a ? ['lora_B', 'lora_A'] : ['lora_A', 'lora_B']
  const expected = a ? a.name.replace(/\.lora_(embedding_)?A/, '.lora_$1B') : (b?.name ?? '').replace(/\.lora_(embedding_)?B/, '.lora_$1A')
  const message = `${missing} of ${module} is missing: the file lists ${present} only.`
  findings.add('tensor-missing', module, message, expected, 'Re-download the adapter or remove this module.')
}

function checkPair(findings: Findings, module: string, a: HeaderTensor, b: HeaderTensor, expertRanks: boolean): FactorPair | null {
  if (!checkFactor(findings, module, 'lora_A', a) || !checkFactor(findings, module, 'lora_B', b)) return null
  const [rank, input] = a.shape as [number, number]
  const [output, columns] = b.shape as [number, number]
  if (rank !== columns) {
    const message = `The factors of ${module} do not fit: lora_A has ${rank} rows, lora_B has ${columns} columns; both must be the rank.`
    return findings.add('shape-mismatch', module, message, b.name, again)
  }
  if (rank > maxRank && !expertRanks) {
    const message = `${module} has rank ${rank}; ranks up to ${maxRank} are read.`
    return findings.add('rank-out-of-range', module, message, a.name, again)
  }
  // Mixed types inside one module are stored as the wider one reads them.
  const dtype = a.dtype === b.dtype ? dtypeNames[a.dtype]! : 'float32'
  const { layer, stack, moduleKind } = placeOf(module)
  return { module, layer, stack, moduleKind, in: input, out: output, rank, dtype, tensorA: a.name, tensorB: b.name }
}

function checkFactor(findings: Findings, module: string, factor: string, tensor: HeaderTensor): boolean {
  if (dtypeNames[tensor.dtype] === undefined) {
    const message = `${factor} of ${module} is stored as ${tensor.dtype}; factors are read in F32, F16 and BF16.`
    findings.add('unknown-dtype', module, message, tensor.name, 'Save the adapter again in one of these types.')
    return false
  }
  if (tensor.shape.length === 2 && tensor.shape[0] !== 0 && tensor.shape[1] !== 0) return true
  const message = `${factor} of ${module} has the shape [${tensor.shape.join(', ')}]; a factor is a matrix with rows and columns.`
  findings.add('shape-mismatch', module, message, tensor.name, again)
  return false
}

/** Findings by code, so that what is wrong in every module is said once. */
class Findings {
  private readonly byCode = new Map<ProblemCode, { readonly first: Problem; readonly modules: Set<string> }>()

  /** Returns null, so that a caller can end with it. */
  add(code: ProblemCode, module: string, message: string, tensor: string, hint: string): null {
    const known = this.byCode.get(code)
    if (known) known.modules.add(module)
    else this.byCode.set(code, { first: errorProblem(code, message, { where: { tensor }, hint }), modules: new Set([module]) })
    return null
  }

  problems(): Problem[] {
    return [...this.byCode.values()].map(({ first, modules }) =>
      modules.size === 1
        ? first
        : { ...first, message: `${first.message} The same holds for ${countOf(modules.size - 1, 'more module')}.` },
    )
  }
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
