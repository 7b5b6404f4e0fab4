import type { SelectionId } from '../contract/selection.ts'
import { abs } from './abs.ts'
import { all } from './all.ts'
import { clamp } from './clamp.ts'
import { clampPerModule } from './clamp_per_module.ts'
import { cosine } from './cosine.ts'
import { evaluation } from './evaluation.ts'
import { gradient } from './gradient.ts'
import { l2 } from './l2.ts'
import { loss } from './loss.ts'
import { manual } from './manual.ts'
import { quasiFisher } from './quasi_fisher.ts'
import { random } from './random.ts'
import { rank } from './rank.ts'
import type { Strategy } from './strategy.ts'

/** The arithmetic of every selection strategy; what people are told of it is said once, in the contract. */
export const strategies: { readonly [Id in SelectionId]: Strategy } = {
  manual,
  all,
  random,
  evaluation,
  loss,
  gradient,
  cosine,
  clamp,
  clamp_per_module: clampPerModule,
  abs,
  quasi_fisher: quasiFisher,
  l2,
  rank,
}
