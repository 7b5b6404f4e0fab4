import { formed, perNorms, type Strategy } from './strategy.ts'

/** As the cosine, but entries count whichever their signs. */
export const abs: Strategy = {
  needs: 'dense',
  value: ({ similarity }) => similarity && perNorms(formed(similarity.absSum), similarity),
}
