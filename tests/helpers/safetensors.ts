/**
 * A second, independent reader and writer of safetensors files for tests: plain, slow and strict, so that it can judge the product's own.
 * Layout: 8 bytes little-endian header length, that many bytes of JSON, then the tensors' bytes without gaps.
 */
import { readFileSync, writeFileSync } from 'node:fs'

/** Element types that tests read and write, with their bytes per element. */
const elementBytes = { F64: 8, F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8, U8: 1 } as const
export type TensorDtype = keyof typeof elementBytes

/** One tensor: row-major numbers, as double for F64 and as float otherwise (I64 beyond 2^24 is refused). */
export interface Tensor {
  readonly dtype: TensorDtype
  readonly shape: readonly number[]
  readonly data: Float32Array | Float64Array
}

/** Reads every tensor of a file. Throws on anything that the format does not allow. */
export function readSafetensors(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path)
  if (bytes.length < 8) throw new Error(`${path}: ${bytes.length} bytes are no safetensors file`)
  const headerBytes = Number(bytes.readBigUInt64LE(0))
  if (headerBytes > bytes.length - 8) throw new Error(`${path}: the header claims ${headerBytes} bytes`)
  const text = bytes.toString('utf8', 8, 8 + headerBytes)
  if (!text.startsWith('{')) throw new Error(`${path}: the header does not start with {`)
  const body = bytes.subarray(8 + headerBytes)
  const entries = Object.entries(JSON.parse(text) as Record<string, unknown>).filter(([name]) => name !== '__metadata__')
  const tensors = new Map(entries.map(([name, entry]) => [name, readTensor(name, entry, body)] as const))
  checkNoGaps(
    path,
    entries.map(([, entry]) => (entry as { data_offsets: [number, number] }).data_offsets),
    body.length,
  )
  return tensors
}

/** The header's `__metadata__`, empty when there is none. */
export function readSafetensorsMetadata(path: string): Readonly<Record<string, string>> {
  const bytes = readFileSync(path)
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)))) as { __metadata__?: Record<string, string> }
  return header.__metadata__ ?? {}
}

/** Writes `tensors` in the order given, rounding once to each tensor's type. `data` may be any list of numbers of the right length. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, { readonly dtype: TensorDtype; readonly shape: readonly number[]; readonly data: ArrayLike<number> }>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): void {
  const header: Record<string, unknown> = { __metadata__: metadata }
  const bodies: Buffer[] = []
  let place = 0
  for (const [name, tensor] of tensors) {
    const count = elementsOf(tensor.shape)
    if (tensor.data.length !== count) throw new Error(`${name}: ${tensor.data.length} numbers for shape [${tensor.shape.join(', ')}]`)
    const body = Buffer.alloc(count * elementBytes[tensor.dtype])
    for (let i = 0; i < count; i++) encode(tensor.dtype, body, i, tensor.data[i] ?? NaN)
    bodies.push(body)
    header[name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [place, place + body.length] }
    place += body.length
  }
  const json = JSON.stringify(header)
  const headerText = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length, ' '))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(headerText.length))
  writeFileSync(path, Buffer.concat([length, headerText, ...bodies]))
}

function readTensor(name: string, entry: unknown, body: Buffer): Tensor {
  const { dtype, shape, data_offsets: offsets } = entry as { dtype: TensorDtype; shape: number[]; data_offsets: [number, number] }
  if (!(dtype in elementBytes)) throw new Error(`${name}: type ${String(dtype)} is not read by the tests`)
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) throw new Error(`${name}: bad shape`)
  const [begin, end] = offsets
  const count = elementsOf(shape)
  if (!(begin >= 0 && begin <= end && end <= body.length)) throw new Error(`${name}: offsets ${begin} to ${end} leave the file`)
  if (end - begin !== count * elementBytes[dtype]) throw new Error(`${name}: ${end - begin} bytes for shape [${shape.join(', ')}]`)
  const data = dtype === 'F64' ? new Float64Array(count) : new Float32Array(count)
  for (let i = 0; i < count; i++) data[i] = decode(dtype, body, begin + i * elementBytes[dtype])
  return { dtype, shape, data }
}

function checkNoGaps(path: string, spans: readonly (readonly [number, number])[], bodyBytes: number): void {
  let place = 0
  for (const [begin, end] of [...spans].sort((x, y) => x[0] - y[0] || x[1] - y[1])) {
    if (begin !== place) throw new Error(`${path}: data from byte ${place} to ${begin} overlap or belong to no tensor`)
    place = end
  }
  if (place !== bodyBytes) throw new Error(`${path}: ${bodyBytes - place} bytes follow the last tensor`)
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function decode(dtype: TensorDtype, bytes: Buffer, offset: number): number {
  if (dtype === 'F64') return bytes.readDoubleLE(offset)
  if (dtype === 'F32') return bytes.readFloatLE(offset)
  if (dtype === 'F16') return halfToNumber(bytes.readUInt16LE(offset))
  if (dtype === 'BF16') return bfloatToNumber(bytes.readUInt16LE(offset))
  if (dtype === 'I32') return bytes.readInt32LE(offset)
  if (dtype === 'U8') return bytes.readUInt8(offset)
  const value = Number(bytes.readBigInt64LE(offset))
  if (Math.abs(value) > 2 ** 24) throw new Error(`the integer ${value} does not fit a float`)
  return value
}

function encode(dtype: TensorDtype, bytes: Buffer, index: number, value: number): void {
  const offset = index * elementBytes[dtype]
  if (dtype === 'F64') bytes.writeDoubleLE(value, offset)
  else if (dtype === 'F32') bytes.writeFloatLE(value, offset)
  else if (dtype === 'F16') bytes.writeUInt16LE(numberToHalf(value), offset)
  else if (dtype === 'BF16') bytes.writeUInt16LE(numberToBfloat(value), offset)
  else if (dtype === 'I32') bytes.writeInt32LE(value, offset)
  else if (dtype === 'U8') bytes.writeUInt8(value, offset)
  else bytes.writeBigInt64LE(BigInt(value), offset)
}

const bits = new DataView(new ArrayBuffer(4))

function bfloatToNumber(half: number): number {
  bits.setUint32(0, (half << 16) >>> 0)
  return bits.getFloat32(0)
}

/** Nearest bfloat16, ties to even. */
function numberToBfloat(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0
  bits.setFloat32(0, value)
  const word = bits.getUint32(0)
  return Math.floor((word + 0x7fff + ((word >>> 16) & 1)) / 0x10000) & 0xffff
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Nearest binary16, ties to even; from 65520 on infinity. */
function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (magnitude >= 65520) return sign | 0x7c00
  const exponent = Math.max(-14, magnitude === 0 ? -14 : exponentOf(magnitude))
  const steps = roundHalfEven(magnitude / 2 ** (exponent - 10))
  // Steps of 2^(exponent - 10); 2048 of them carry into the next exponent by plain addition.
  return exponent === -14 ? sign | steps : sign | (((exponent + 15) << 10) + steps - 1024)
}

function exponentOf(magnitude: number): number {
  const guess = Math.floor(Math.log2(magnitude))
  return 2 ** guess > magnitude ? guess - 1 : 2 ** (guess + 1) <= magnitude ? guess + 1 : guess
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
