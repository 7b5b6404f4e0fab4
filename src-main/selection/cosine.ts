import { perNorms, type Strategy } from './strategy.ts'

/** Σ⟨C, T⟩ over the norms. */
export const cosine: Strategy = {
  needs: 'factors',
  value: ({ similarity }) => similarity && perNorms(similarity.dot, similarity),
}
