import { formed, perNorms, type Strategy } from './strategy.ts'

/** The root of the cosine of the squared entries. */
export const quasiFisher: Strategy = {
  needs: 'dense',
  value: ({ similarity }) => {
    if (!similarity) return null
    const norms = { norm2: formed(similarity.squaresNorm2), queryNorm2: formed(similarity.querySquaresNorm2) }
    return Math.sqrt(perNorms(formed(similarity.squaresDot), norms))
  },
}
