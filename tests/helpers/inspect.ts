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
  const maxAbsA = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const module = { norm: normOfUpdate(a, b, scaling), zerosA: zeros(a), zerosB: zeros(b), maxAbsA, stdA }
  const finite = Object.values(module).every(Number.isFinite)
  return finite ? { name, ...module } : { name, norm: null, zerosA: null, zerosB: null, maxAbsA: null, stdA: null }
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
