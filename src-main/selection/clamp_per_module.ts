import { perNorms, type Strategy } from './strategy.ts'

/** As the cosine, but modules whose inner product is negative count 0. */
export const clampPerModule: Strategy = {
  needs: 'factors',
  value: ({ similarity }) =>
    similarity &&
    perNorms(
      similarity.modules.reduce((sum, product) => sum + Math.max(product, 0), 0),
      similarity,
    ),
}
