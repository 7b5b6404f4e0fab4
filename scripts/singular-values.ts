/** Singular values by the plainest way there is: cyclic Jacobi rotations on the smaller Gram matrix, in double. For checking, not for speed. */

/** Singular values of the row-major `rows` x `columns` matrix, largest first. Values below about 1e-8 of the largest are noise. */
export function singularValues(matrix: Float64Array, rows: number, columns: number): readonly number[] {
  const size = Math.min(rows, columns)
  const gram = gramOf(matrix, rows, columns, size)
  return jacobiEigenvalues(gram, size)
    .map((value) => Math.sqrt(Math.max(0, value)))
    .sort((left, right) => right - left)
}

function gramOf(matrix: Float64Array, rows: number, columns: number, size: number): Float64Array {
  const byRows = rows <= columns
  const at = (line: number, step: number): number => (byRows ? matrix[line * columns + step]! : matrix[step * columns + line]!)
  const steps = byRows ? columns : rows
  const gram = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      let sum = 0
      for (let step = 0; step < steps; step++) sum += at(i, step) * at(j, step)
      gram[i * size + j] = sum
      gram[j * size + i] = sum
    }
  }
  return gram
}

function jacobiEigenvalues(symmetric: Float64Array, size: number): number[] {
  const a = symmetric.slice()
  for (let sweep = 0; sweep < 60 && offDiagonal(a, size) > 1e-28 * trace(a, size) ** 2; sweep++) {
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, size, p, q)
  }
  return Array.from({ length: size }, (_, i) => a[i * size + i]!)
}

/** Makes the entry (p, q) zero by a rotation of rows and columns p and q. */
function rotate(a: Float64Array, size: number, p: number, q: number): void {
  const apq = a[p * size + q]!
  if (apq === 0) return
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * apq)
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (let k = 0; k < size; k++) {
    const akp = a[k * size + p]!
    const akq = a[k * size + q]!
    a[k * size + p] = c * akp - s * akq
    a[k * size + q] = s * akp + c * akq
  }
  for (let k = 0; k < size; k++) {
    const apk = a[p * size + k]!
    const aqk = a[q * size + k]!
    a[p * size + k] = c * apk - s * aqk
    a[q * size + k] = s * apk + c * aqk
  }
}

function offDiagonal(a: Float64Array, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) if (i !== j) sum += a[i * size + j]! ** 2
  return sum
}

function trace(a: Float64Array, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) sum += a[i * size + i]!
  return sum
}
