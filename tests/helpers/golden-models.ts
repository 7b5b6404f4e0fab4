/** Golden batches of models (make_golden.py): sequences padded on the right, with what PyTorch makes of them. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { EvaluateAdapter, EvaluateItem } from '../../src-main/engine/evaluate-request.ts'
import { readAdapter } from '../../src-main/library/read-adapter.ts'
import type { Tensor } from './safetensors.ts'

/** A padded batch taken apart: of every sequence only its own tokens, and how many of them stand before the first labelled one. */
export interface GoldenBatch {
  readonly sequences: readonly (readonly number[])[]
  readonly unlabelled: readonly number[]
  /** Tokens of a padded sequence. */
  readonly padded: number
}

/** Reads ids, mask and labels. Throws where a sequence is not padded on the right or not labelled up to its end. */
export function readGoldenBatch(tensors: ReadonlyMap<string, Tensor>): GoldenBatch {
  const [ids, mask, labels] = ['ids', 'mask', 'labels'].map((name) => rowsOf(tensors, name))
  const lengths = mask!.map((row) => row.filter((one) => one === 1).length)
  const unlabelled = labels!.map((row) => row.findIndex((label) => label !== -100))
  lengths.forEach((length, i) => {
    if (mask![i]!.slice(0, length).includes(0)) throw new Error(`sequence ${i} is not padded on the right`)
    const expected = ids![i]!.map((id, t) => (t >= unlabelled[i]! && t < length ? id : -100))
    if (expected.join() !== labels![i]!.join()) throw new Error(`the labels of sequence ${i} are not its last tokens`)
  })
  return { sequences: ids!.map((row, i) => row.slice(0, lengths[i])), unlabelled, padded: ids![0]!.length }
}

/** The batch as items that ask for the likelihood of the labelled tokens. */
export function lossItems({ sequences, unlabelled }: GoldenBatch): EvaluateItem[] {
  return sequences.map((sequence, i) => ({
    prompt: sequence.slice(0, unlabelled[i]),
    ask: { kind: 'loss', answer: sequence.slice(unlabelled[i]) },
  }))
}

/** Row t of sequence i of a padded tensor (sequences x tokens x numbers). */
export function goldenRow(tensor: Tensor, i: number, t: number): ArrayLike<number> {
  const [, tokens = 0, numbers = 0] = tensor.shape
  return tensor.data.subarray((i * tokens + t) * numbers, (i * tokens + t + 1) * numbers)
}

/** log softmax(row)[index], in double. */
export function logProbability(row: ArrayLike<number>, index: number): number {
  let largest = -Infinity
  for (let j = 0; j < row.length; j++) largest = Math.max(largest, row[j]!)
  let sum = 0
  for (let j = 0; j < row.length; j++) sum += Math.exp(row[j]! - largest)
  return row[index]! - largest - Math.log(sum)
}

/** A checkpoint folder of a golden family with one of its two spellings of config.json. */
export function placeCheckpoint(golden: string, config: string, folder: string): string {
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(golden, config), join(folder, 'config.json'))
  copyFileSync(join(golden, 'model.safetensors'), join(folder, 'model.safetensors'))
  return folder
}

/** An adapter folder as the library reads it, for the native core. */
export function evaluateAdapter(name: string, folder: string): EvaluateAdapter {
  const { modules, weightsPath } = readAdapter(folder)
  if (weightsPath === null) throw new Error(`${folder} has no weights`)
  return {
    name,
    weightsFile: weightsPath,
    modules: modules.map((module) => ({
      name: module.name,
      a: module.tensorA,
      b: module.tensorB,
      rank: module.rank,
      in: module.in,
      out: module.out,
      scaling: module.scaling,
    })),
  }
}

/** The numbers of a tensor of two dimensions. */
export function rowsOf(tensors: ReadonlyMap<string, Tensor>, name: string): number[][] {
  const { shape, data } = readTensorAt(tensors, name)
  const [rows = 0, columns = 0] = shape
  return Array.from({ length: rows }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)])
}

export function readTensorAt(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name)
  if (!tensor) throw new Error(`there is no ${name}`)
  return tensor
}
