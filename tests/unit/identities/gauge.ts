import { join } from 'node:path'
import { makeAdapter, uniform, writeConfig } from '../../helpers/adapters.ts'
import { readPeftConfig } from '../../helpers/peft.ts'
import { readSafetensors, writeSafetensors, type Tensor } from '../../helpers/safetensors.ts'

/** Writes the same adapter in other factors, (B inverse(M), M A) with an M of its own for each module; the updates stay, up to rounding. */
export function writeOtherGauge(from: string, to: string, seed: number): string {
  const random = uniform(seed)
  const tensors = readSafetensors(join(from, 'adapter_model.safetensors'))
  makeAdapter(to)
  for (const [name, a] of [...tensors]) {
    const other = name.replace('.lora_A.', '.lora_B.')
    if (other === name) continue
    const b = tensors.get(other)!
    const rank = a.shape[0]!
    // Diagonally dominant, so that it is far from singular.
    const m = Array.from({ length: rank }, (_, i) => Array.from({ length: rank }, (_, j) => (i === j ? 2 : 0) + (random() - 0.5) / rank))
    tensors.set(name, multiplied(matrixTensor(m), a))
    tensors.set(other, multiplied(b, matrixTensor(inverse(m))))
  }
  writeSafetensors(join(to, 'adapter_model.safetensors'), tensors)
  writeConfig(to, readPeftConfig(from))
  return to
}

type Matrix = readonly (readonly number[])[]

function matrixTensor(m: Matrix): Tensor {
  return { dtype: 'F64', shape: [m.length, m.length], data: Float64Array.from(m.flat()) }
}

function multiplied(left: Tensor, right: Tensor): Tensor {
  const [rows, inner, columns] = [left.shape[0]!, left.shape[1]!, right.shape[1]!]
  const data = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++)
      for (let j = 0; j < columns; j++) data[i * columns + j]! += left.data[i * inner + k]! * right.data[k * columns + j]!
  return { dtype: 'F32', shape: [rows, columns], data }
}

/** Gauss and Jordan; good enough for a dominant diagonal, which needs no pivots. */
function inverse(m: Matrix): Matrix {
  const size = m.length
  const rows = m.map((row, i) => [...row, ...Array.from({ length: size }, (_, j) => (i === j ? 1 : 0))])
  for (let i = 0; i < size; i++) {
    const pivot = rows[i]![i]!
    rows[i] = rows[i]!.map((value) => value / pivot)
    for (let k = 0; k < size; k++) {
      const factor = rows[k]![i]!
      if (k !== i) rows[k] = rows[k]!.map((value, j) => value - factor * rows[i]![j]!)
    }
  }
  return rows.map((row) => row.slice(size))
}
