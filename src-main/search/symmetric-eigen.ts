/** Eigenvalues of a symmetric matrix, and its eigenvectors as columns: matrix = vectors * diag(values) * transposed vectors. */
export interface Eigen {
  readonly values: readonly number[]
  readonly vectors: readonly (readonly number[])[]
}

const mostSweeps = 60

/** By cyclic Jacobi rotations (Golub and Van Loan, 8.5), to rounding. Order n^3 for each of some ten sweeps: for small matrices. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): Eigen {
  const n = matrix.length
  const a = matrix.map((row) => Float64Array.from(row))
  const v = matrix.map((_, index) => Float64Array.from({ length: n }, (__, column) => (column === index ? 1 : 0)))
  for (let sweep = 0; sweep < mostSweeps && offDiagonal(a) > 0; sweep++)
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q)
  return { values: a.map((row, index) => row[index]!), vectors: v.map((row) => [...row]) }
}

/** Sum of squares above the diagonal, 0 where it is nothing beside the diagonal. */
function offDiagonal(a: readonly Float64Array[]): number {
  let [off, on] = [0, 0]
  for (let p = 0; p < a.length; p++) {
    on += a[p]![p]! ** 2
    for (let q = p + 1; q < a.length; q++) off += a[p]![q]! ** 2
  }
  return off > 1e-32 * on ? off : 0
}

/** Makes a[p][q] zero by a rotation in the plane of p and q. */
function rotate(a: readonly Float64Array[], v: readonly Float64Array[], p: number, q: number): void {
  const apq = a[p]![q]!
  if (apq === 0) return
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
  const c = 1 / Math.hypot(t, 1)
  const s = t * c
  for (const row of a) turn(row, p, q, c, s)
  const [rowP, rowQ] = [a[p]!, a[q]!]
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [rowP[k]!, rowQ[k]!]
    rowP[k] = c * x - s * y
    rowQ[k] = s * x + c * y
  }
  for (const row of v) turn(row, p, q, c, s)
}

function turn(row: Float64Array, p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p]!, row[q]!]
  row[p] = c * x - s * y
  row[q] = s * x + c * y
}
