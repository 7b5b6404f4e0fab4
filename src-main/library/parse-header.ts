import { isUtf8 } from 'node:buffer'
import { errorProblem, shownValue, type Problem, type ProblemCode } from '../contract/problems.ts'

/** One tensor of a safetensors file; offsets count from the first byte after the header. */
export interface HeaderTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** Limits of a header, the same as in the native reader (ENGINE.md D.9). */
export const maxHeaderBytes = 100_000_000
export const maxTensors = 1_000_000
const maxTensorRank = 8
/** Names go into messages and tables; no real one comes near. In bytes of UTF-8. */
const maxNameBytes = 2000

/** Bits per element of every type that safetensors knows; only the float types are ever read, the others may lie beside them. */
const dtypeBits: Readonly<Record<string, number>> = {
  ...{ BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8 },
  ...{ I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64 },
}

const incomplete = 'The file may be incomplete or damaged: download it again, or ask where it came from.'

/**
 * Reads the JSON header of a safetensors file whose data part has `dataBytes` bytes, and checks that every byte of it belongs to exactly one
 * tensor. Returns the tensors in the header's order, or the first problem (places carry no path). Accepts exactly what the native reader accepts,
 * which reads every file again before it is used. `limit` is the largest number of tensors.
 */
export function parseHeader(json: Uint8Array, dataBytes: number, limit = maxTensors): readonly HeaderTensor[] | Problem {
  if (json[0] !== 0x7b) return refuse('header-not-json', 'The header does not begin with "{".')
  if (!isUtf8(json)) return refuse('header-not-json', 'The header is not UTF-8 text.')
  let entries: unknown
  try {
    entries = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'))
  } catch {
    return refuse('header-not-json', 'The header is not JSON.')
  }
  const text = countMarks(json)
  if (text.fractions > 0) return refuse('header-invalid', 'A size or an offset is no whole number.')
  const tensors: HeaderTensor[] = []
  let keys = 0
  // A header begins with "{", so that what was parsed is an object; its own keys are all that for...in meets.
  const named = entries as Readonly<Record<string, unknown>>
  for (const name in named) {
    const entry = named[name]
    const tensor = name === '__metadata__' ? checkMetadata(entry) : parseTensor(name, entry, dataBytes)
    if ('code' in tensor) return tensor
    keys += 1 + ('keys' in tensor ? tensor.keys : tensorKeys)
    if ('keys' in tensor) continue
    if (tensors.push(tensor) > limit) return refuse('too-many-tensors', `The file names more than ${limit} tensors.`)
  }
  // Of keys written twice the last one is what was read, so that fewer are left than the text holds.
  if (text.colons !== keys) return refuse('header-duplicate-key', 'A key appears twice.')
  return checkTiling(tensors, dataBytes) ?? tensors
}

/** Keys of a tensor's entry. */
const tensorKeys = 3

/** Colons between keys and values, and signs of numbers that are not written as whole ones; what stands in strings does not count. */
function countMarks(json: Uint8Array): { readonly colons: number; readonly fractions: number } {
  let colons = 0
  let fractions = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (inString) {
      if (byte === 0x5c) at += 1
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x3a) colons += 1
    // . e E: "true" and "false" hold an e too, but neither is ever a value here.
    else if (byte === 0x2e || byte === 0x65 || byte === 0x45) fractions += 1
  }
  return { colons, fractions }
}

function checkMetadata(entry: unknown): { readonly keys: number } | Problem {
  if (!isObject(entry)) return refuse('header-invalid', '"__metadata__" must be an object of texts.')
  let keys = 0
  for (const key in entry) {
    const value = entry[key]
    if (typeof value !== 'string') return refuse('header-invalid', '"__metadata__" must be an object of texts.')
    if (!key.isWellFormed() || !value.isWellFormed()) return halfSurrogate()
    keys += 1
  }
  return { keys }
}

function halfSurrogate(): Problem {
  return refuse('header-not-json', 'A text of the header holds half of a surrogate pair.')
}

function parseTensor(name: string, entry: unknown, dataBytes: number): HeaderTensor | Problem {
  if (!name.isWellFormed()) return halfSurrogate()
  // No character takes more than three bytes for each of its units.
  if (name.length > maxNameBytes / 3 && Buffer.byteLength(name) > maxNameBytes)
    return refuse('header-invalid', `A tensor has a name of ${Buffer.byteLength(name)} bytes.`)
  if (!isObject(entry)) return refuse('header-invalid', 'The entry of a tensor must be an object.', name)
  const { dtype, shape, data_offsets: offsets } = entry
  let keys = 0
  for (const key in entry) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets')
      return refuse('header-invalid', `The key ${shownValue(key)} is not known.`, name)
    keys += 1
  }
  if (keys !== 3) return refuse('header-invalid', 'A tensor needs dtype, shape and data_offsets.', name)
  if (typeof dtype !== 'string') return refuse('header-invalid', 'dtype must be a text.', name)
  if (!Object.hasOwn(dtypeBits, dtype))
    return refuse('unknown-dtype', `The type ${shownValue(dtype)} is not known.`, name, Object.keys(dtypeBits))
  if (!isSizes(shape) || shape.length > maxTensorRank)
    return refuse('header-invalid', `shape must be a list of at most ${maxTensorRank} whole numbers of 0 or more.`, name)
  if (!isSizes(offsets) || offsets.length !== 2)
    return refuse('tensor-offsets-invalid', 'data_offsets must be two whole numbers of 0 or more.', name)
  const [begin, end] = offsets as [number, number]
  if (end < begin) return refuse('tensor-offsets-invalid', 'data_offsets end before they begin.', name)
  if (end > dataBytes)
    return refuse(
      'tensor-offsets-invalid',
      `The tensor ends at byte ${end} of the data, but the file holds ${dataBytes} bytes of data.`,
      name,
    )
  const expected = byteLength(dtypeBits[dtype] ?? 0, shape)
  if (!Number.isInteger(expected))
    return refuse('header-invalid', 'The product of the shape is too large, or no whole number of bytes.', name)
  if (end - begin !== expected)
    return refuse('tensor-offsets-invalid', `data_offsets hold ${end - begin} bytes where shape and dtype need ${expected}.`, name)
  return { name, dtype, shape, begin, end }
}

/** Bytes of a tensor, NaN when they are not countable. Zero sizes do not hide an overflow of the others. */
function byteLength(bits: number, shape: readonly number[]): number {
  let product = bits
  let empty = false
  for (const size of shape) {
    if (size === 0) empty = true
    else product *= size
  }
  if (product > Number.MAX_SAFE_INTEGER) return NaN
  return empty ? 0 : product / 8
}

/** A problem when tensors overlap or leave bytes to nobody. A tensor without elements lies at a border between two others. */
function checkTiling(tensors: readonly HeaderTensor[], dataBytes: number): Problem | null {
  let covered = 0
  for (const tensor of inFileOrder(tensors)) {
    if (tensor.begin < covered) return refuse('tensor-overlap', 'The tensor shares bytes with another one.', tensor.name)
    if (tensor.begin > covered) return refuse('tensor-hole', 'Bytes before this tensor belong to no tensor.', tensor.name)
    covered = tensor.end
  }
  return covered === dataBytes ? null : refuse('tensor-hole', `The last ${dataBytes - covered} bytes belong to no tensor.`)
}

function inFileOrder(tensors: readonly HeaderTensor[]): readonly HeaderTensor[] {
  const ordered = tensors.every((tensor, index) => index === 0 || tensors[index - 1]!.end <= tensor.begin)
  return ordered ? tensors : tensors.toSorted((left, right) => left.begin - right.begin || left.end - right.end)
}

function isSizes(value: unknown): value is readonly number[] {
  if (!Array.isArray(value)) return false
  for (const size of value) if (!Number.isSafeInteger(size) || size < 0) return false
  return true
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(code: ProblemCode, message: string, tensor?: string, allowed?: readonly string[]): Problem {
  return errorProblem(code, message, { ...(tensor !== undefined && { where: { tensor } }), ...(allowed && { allowed }), hint: incomplete })
}
