import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { fitsBase, shapeText, sidesOf, type FittedModule } from '../library/fit-base.ts'

/** Null when every target module is a linear layer of the base model with the same sides; else a problem that names the first other one and the shapes. */
export function checkFit(
  owner: { readonly id: string; readonly name: string },
  modules: readonly FittedModule[],
  base: BaseModel,
): Problem | null {
  const reason = fitsBase(modules, base)
  if (reason === null) return null
  const other = modules.find(({ name, in: input, out }) => {
    const sides = sidesOf(base, name)
    return sides === null || sides.in !== input || sides.out !== out
  })
  const sides = other && sidesOf(base, other.name)
  return errorProblem('adapter-other-base', `${owner.name} does not fit ${base.name}. ${reason}`, {
    where: { value: owner.id, ...(other && { tensor: other.name }) },
    ...(sides && { allowed: [shapeText(sides)] }),
    hint: 'It was trained on another base model; choose that one, or another adapter.',
  })
}
