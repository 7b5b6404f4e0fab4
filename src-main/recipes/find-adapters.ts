import { adapterVariants, type AdapterDetail } from '../contract/adapter.ts'
import type { MethodEntry } from '../contract/methods.ts'
import { errorProblem, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import type { Recipe } from '../contract/recipe.ts'
import { isProblem, weightsFileOf, type AdapterSource } from './adapter-source.ts'

/** One line of the recipe's adapters that can be merged. */
export interface FoundAdapter {
  /** Its place in the recipe. */
  readonly index: number
  readonly detail: AdapterDetail
  readonly contentHash: string
  readonly tensorHash: string
  readonly weightsFile: string
}

/** Every adapter of the recipe that can be merged, in the recipe's order, and what is wrong with the others. */
export function findAdapters(
  recipe: Recipe,
  source: AdapterSource,
  relativeTo: string | undefined,
): { readonly found: readonly FoundAdapter[]; readonly problems: readonly Problem[] } {
  const found: FoundAdapter[] = []
  const problems: Problem[] = []
  recipe.adapters.forEach(({ adapter: reference }, index) => {
    // An empty reference has been reported by the parser.
    if (reference === '') return
    const field = `adapters[${index}].adapter`
    const answer = source.find(reference, relativeTo)
    if (isProblem(answer)) {
      problems.push({ ...answer, where: { ...answer.where, field, value: shownValue(reference) } })
      return
    }
    const detail = source.get(answer.id)
    if (!detail) throw new Error(`the library found adapter ${answer.id} and then did not have it`)
    const refusal = refusalOf(detail, field)
    if (refusal) problems.push(refusal)
    const weightsFile = weightsFileOf(detail.paths)
    if (!refusal && weightsFile === null) problems.push(missing(detail, field))
    if (refusal || weightsFile === null || detail.contentHash === null || detail.tensorHash === null) return
    if (detail.variant === 'extras' && detail.ignoredTensors.length > 0) problems.push(extrasLeftOut(detail, field))
    found.push({ index, detail, contentHash: detail.contentHash, tensorHash: detail.tensorHash, weightsFile })
  })
  return { found, problems: [...problems, ...repeated(found), ...baseModelsDiffer(found)] }
}

/** Problems of how many adapters a method takes. */
export function checkCount(method: MethodEntry, count: number): readonly Problem[] {
  const { min, max } = method.inputs
  const allowed = [max === undefined ? `at least ${min}` : `${min} to ${max}`]
  const where = { field: 'adapters', value: String(count) }
  if (count < min) {
    const message = `${method.label} needs at least ${min} adapter${min === 1 ? '' : 's'}, but the recipe has ${count}.`
    return [errorProblem('too-few-adapters', message, { where, allowed, hint: 'Add adapters to the recipe.' })]
  }
  if (max === undefined || count <= max) return []
  const message = `${method.label} takes at most ${max} adapter${max === 1 ? '' : 's'}, but the recipe has ${count}.`
  return [errorProblem('too-many-adapters', message, { where, allowed, hint: 'Remove adapters, or use another method.' })]
}

function refusalOf(detail: AdapterDetail, field: string): Problem | undefined {
  const where = { field, value: detail.id, ...(detail.paths[0] !== undefined && { path: detail.paths[0] }) }
  const variant = adapterVariants[detail.variant]
  if (detail.status === 'missing') return missing(detail, field)
  if (detail.status === 'refused') {
    const reason = detail.problems.find((problem) => problem.severity === 'error')?.message ?? 'it was refused when it was imported.'
    const hint = 'See what the library says about it, repair the files and import them again, or leave it out.'
    return errorProblem('adapter-not-mergeable', `${detail.name} cannot be used: ${reason}`, { where, hint })
  }
  if (!variant.mergeable) {
    const message = `${detail.name} is ${variant.label}, which cannot be merged. ${variant.meaning}`
    return errorProblem('adapter-not-mergeable', message, { where, hint: 'Leave it out, or use a plain LoRA of the same task.' })
  }
  if (detail.status === 'ok' && detail.contentHash !== null && detail.tensorHash !== null) return undefined
  const message = `${detail.name} is still being checked (hash, norms and finite values).`
  return errorProblem('adapter-not-checked', message, { where, hint: 'Wait until its status is ok; the checks run by themselves.' })
}

function missing(detail: AdapterDetail, field: string): Problem {
  const path = detail.paths[0]
  return errorProblem('file-missing', `The files of ${detail.name} are not where they were.`, {
    where: { field, value: detail.id, ...(path !== undefined && { path }) },
    hint: 'Put them back, or import them from their new place: the same content is recognised.',
  })
}

function extrasLeftOut(detail: AdapterDetail, field: string): Problem {
  const names = detail.ignoredTensors.map((tensor) => tensor.name)
  const shown = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '')
  const count = names.length === 1 ? 'One tensor' : `${names.length} tensors`
  return warningProblem('extras-left-out', `${count} of ${detail.name} outside the low-rank update will not be in the result: ${shown}.`, {
    where: { field, value: detail.id, ...(names[0] !== undefined && { tensor: names[0] }) },
    hint: 'The low-rank part is merged exactly; keep the source if you need the rest.',
  })
}

function repeated(found: readonly FoundAdapter[]): readonly Problem[] {
  const first = new Map<string, FoundAdapter>()
  return found.flatMap((adapter) => {
    const earlier = first.get(adapter.detail.id)
    if (!earlier) first.set(adapter.detail.id, adapter)
    if (!earlier) return []
    const message = `${adapter.detail.name} stands in the recipe more than once (adapters[${earlier.index}] and adapters[${adapter.index}]); its coefficients add up.`
    return [
      warningProblem('adapter-repeated', message, {
        where: { field: `adapters[${adapter.index}].adapter`, value: adapter.detail.id },
        hint: 'Remove one of them unless this is what you want.',
      }),
    ]
  })
}

function baseModelsDiffer(found: readonly FoundAdapter[]): readonly Problem[] {
  const named = found.filter(({ detail }) => detail.baseModelName !== null)
  const names = [...new Set(named.map(({ detail }) => detail.baseModelName ?? ''))]
  if (names.length < 2) return []
  const users = names.map((name) => `${name} (${named.find(({ detail }) => detail.baseModelName === name)?.detail.name})`)
  return [
    warningProblem('base-models-differ', `The adapters name different base models: ${users.join(', ')}.`, {
      where: { field: 'adapters', value: names.join(', ') },
      hint: 'Shapes decide whether they merge; make sure that the base models really are the same.',
    }),
  ]
}
