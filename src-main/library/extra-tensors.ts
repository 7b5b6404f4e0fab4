import { warningProblem, type Problem } from '../contract/problems.ts'
import type { IgnoredTensor } from './adapter-facts.ts'
import type { OtherTensor } from './pair-factors.ts'
import { own } from './peft-config.ts'

/** How many tensors outside the update are kept with the adapter. */
const listedExtras = 5000

/** The tensors outside the low-rank update (the first 5000), each with the reason why it is none (merge-methods.md 1.3). */
export function listIgnored(others: readonly OtherTensor[], fields: Readonly<Record<string, unknown>>): IgnoredTensor[] {
  const saved = own(fields, 'modules_to_save')
  const savedModules = Array.isArray(saved) ? saved.filter((name): name is string => typeof name === 'string') : []
  return others
    .slice(0, listedExtras)
    .map(({ tensor, part }) => ({ name: tensor.name, shape: tensor.shape, reason: reasonOf(tensor.name, part, savedModules) }))
}

/** One warning for the tensors that a merge leaves out; null when there are none beside those that make up the variant. */
export function checkIgnored(others: readonly OtherTensor[], ignored: readonly IgnoredTensor[]): Problem | null {
  const count = others.filter((other) => other.part === null).length
  const first = ignored.find((_, index) => others[index]?.part === null)
  if (!first) return null
  const what =
    count === 1
      ? `The tensor ${first.name} is no part of the low-rank update: ${first.reason}.`
      : `${count} tensors are no part of the low-rank update, such as ${first.name}: ${first.reason}.`
  return warningProblem('tensor-ignored', what, {
    where: { tensor: first.name },
    hint: 'A merge uses the factors A and B only and leaves these tensors out; the details list them.',
  })
}

function reasonOf(name: string, part: OtherTensor['part'], savedModules: readonly string[]): string {
  if (part === 'magnitude') return 'magnitude vector of DoRA'
  if (part === 'bias-of-b') return 'bias added to B'
  if (name.includes('.base_layer.')) return 'copy of a layer of the base model'
  if (/\.(token_adapter|trainable_tokens)/.test(name)) return 'trained rows of the token embeddings'
  if (savedModules.some((module) => name.includes(`.${module}.`))) return 'module saved in full (modules_to_save)'
  if (name.endsWith('.bias')) return 'trained bias of the base model'
  return 'its name is not one that PEFT knows; loaders pass over it without a word'
}
