/** The native inspection again, plain and slow, so that the library's tests need no addon and can judge it. */
import type { InspectedModule, InspectRequest, InspectResult } from '../../src-main/library/inspection.ts'
import { readSafetensors, type Tensor } from './safetensors.ts'

/** Reads a weights file as the native core does (tests hold floats only). */
export async function inspectInTypeScript(request: InspectRequest, signal: AbortSignal): Promise<InspectResult> {
  signal.throwIfAborted()
  const tensors = readSafetensors(request.weightsFile)
  const firstNonFinite = findNonFinite(tensors)
  const modules = request.modules.map(({ name, a, b, scaling }) => inspectPair(name, tensors.get(a)!, tensors.get(b)!, scaling))
  const norm = firstNonFinite ? null : Math.sqrt(modules.reduce((sum, module) => sum + (module.norm ?? 0) ** 2, 0))
  return { finite: firstNonFinite === null, firstNonFinite, norm, modules }
}

/** Frobenius norm of scaling * B * A, from the full product. */
export function normOfUpdate(a: Tensor, b: Tensor, scaling: number): number {
  const [rank = 0, input = 0] = a.shape
  const [output = 0] = b.shape
  let sum = 0
  for (let i = 0; i < output; i++) {
    for (let j = 0; j < input; j++) {
      let value = 0
      for (let k = 0; k < rank; k++) value += (b.data[i * rank + k] ?? 0) * (a.data[k * input + j] ?? 0)
      sum += value * value
    }
  }
  return scaling * Math.sqrt(sum)
}

function inspectPair(name: string, a: Tensor, b: Tensor, scaling: number): InspectedModule {
  const values = Array.from(a.data)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const stdA = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  const kurtosisA = values.reduce((sum, value) => sum + (value - mean) ** 4, 0) / values.length / stdA ** 4
  const maxAbsA = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const module = { norm: normOfUpdate(a, b, scaling), zerosA: zeros(a), zerosB: zeros(b), maxAbsA, stdA }
  const finite = Object.values(module).every(Number.isFinite)
  if (!finite) return { name, norm: null, singularValues: null, zerosA: null, zerosB: null, maxAbsA: null, stdA: null, kurtosisA: null }
  const singularValues = singularValuesOf(a, b).map((value) => Math.abs(scaling) * value)
  return { name, ...module, singularValues, kurtosisA: Number.isFinite(kurtosisA) ? kurtosisA : null }
}

/**
 * Singular values of B * A, as many as the rank, by Hestenes' one-sided Jacobi method on the rows of R_B R_A^T, where B = Q_B R_B and
 * A^T = Q_A R_A.
 */
export function singularValuesOf(a: Tensor, b: Tensor): number[] {
  const [rank = 0, input = 0] = a.shape
  const [output = 0] = b.shape
  const ofB = triangle(Array.from({ length: rank }, (_, k) => Float64Array.from({ length: output }, (_, i) => b.data[i * rank + k] ?? 0)))
  const ofA = triangle(Array.from({ length: rank }, (_, k) => Float64Array.from({ length: input }, (_, j) => a.data[k * input + j] ?? 0)))
  const rows = ofB.map((row) => Float64Array.from(ofA, (other) => dot(row, other)))
  for (let sweep = 0, turned = true; turned && sweep < 60; sweep++) {
    turned = false
    for (let p = 0; p < rank; p++) for (let q = p + 1; q < rank; q++) turned = makeOrthogonal(rows[p]!, rows[q]!) || turned
  }
  return rows.map((row) => Math.sqrt(dot(row, row))).sort((left, right) => right - left)
}

/** R of the QR decomposition by modified Gram and Schmidt: row u holds the parts of all columns along direction u. */
function triangle(columns: Float64Array[]): Float64Array[] {
  const r = columns.map(() => new Float64Array(columns.length))
  columns.forEach((column, u) => {
    const length = Math.sqrt(dot(column, column))
    r[u]![u] = length
    if (length === 0) return
    column.forEach((value, i) => (column[i] = value / length))
    for (let v = u + 1; v < columns.length; v++) {
      const part = dot(column, columns[v]!)
      r[u]![v] = part
      column.forEach((value, i) => (columns[v]![i]! -= part * value))
    }
  })
  return r
}

/** Turns two rows in their plane until they are orthogonal; false when they were. */
function makeOrthogonal(x: Float64Array, y: Float64Array): boolean {
  const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)]
  if (Math.abs(xy) <= 1e-13 * Math.sqrt(xx * yy)) return false
  const zeta = (yy - xx) / (2 * xy)
  const tangent = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta))
  const cosine = 1 / Math.sqrt(1 + tangent * tangent)
  const sine = cosine * tangent
  x.forEach((value, i) => {
    const other = y[i]!
    x[i] = cosine * value - sine * other
    y[i] = sine * value + cosine * other
  })
  return true
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum
}

function zeros(tensor: Tensor): number {
  return Array.from(tensor.data).filter((value) => value === 0).length / tensor.data.length
}

function findNonFinite(tensors: ReadonlyMap<string, Tensor>): InspectResult['firstNonFinite'] {
  for (const [tensor, { data }] of tensors) {
    const index = data.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) return { tensor, index, value: Number.isNaN(data[index]) ? 'nan' : (data[index] ?? 0) > 0 ? 'inf' : '-inf' }
  }
  return null
}
