import { formed, perNorms, type Strategy } from './strategy.ts'

/** As the cosine, but entries whose signs disagree count 0. */
export const clamp: Strategy = {
  needs: 'dense',
  value: ({ similarity }) => similarity && perNorms(formed(similarity.clampSum), similarity),
}
