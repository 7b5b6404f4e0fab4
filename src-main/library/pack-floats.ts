/** Numbers as little-endian 64-bit floats, eight bytes each. Every platform that the app runs on has this order. */
export function packFloats(values: readonly number[]): Buffer {
  const floats = Float64Array.from(values)
  return Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)
}

/** The numbers of packFloats; copied, so that they begin at a multiple of eight bytes. */
export function unpackFloats(packed: Buffer): Float64Array {
  const floats = new Float64Array(packed.byteLength / Float64Array.BYTES_PER_ELEMENT)
  new Uint8Array(floats.buffer).set(packed)
  return floats
}
