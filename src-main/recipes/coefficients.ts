import type { AdapterModule } from '../contract/adapter.ts'
import { errorProblem, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import type { Coefficient, CoefficientRule } from '../contract/recipe.ts'
import { didYouMean } from '../contract/suggest.ts'

/** The part of a module that rules look at. */
export type RuledModule = Pick<AdapterModule, 'name' | 'layer' | 'moduleKind'>

/** The coefficient of an adapter that has none in the recipe. */
export const defaultCoefficient = 1

/** The coefficient of one module: the value of the last rule that matches it, else the default. */
export function coefficientFor(coefficient: Coefficient | undefined, module: RuledModule): number {
  if (coefficient === undefined) return defaultCoefficient
  if (typeof coefficient === 'number') return coefficient
  return coefficient.rules.findLast((rule) => ruleMatches(rule, module))?.value ?? coefficient.default
}

/**
 * Everything the recipe gets wrong about one adapter's coefficient. `modules` are the adapter's own: a rule that matches none of them, or
 * names a kind of module it does not have, is a warning. `field` is the coefficient's place in the recipe.
 */
export function checkCoefficient(coefficient: Coefficient, modules: readonly RuledModule[], field: string): readonly Problem[] {
  if (typeof coefficient === 'number') return checkFinite(coefficient, field)
  return [
    ...checkFinite(coefficient.default, `${field}.default`),
    ...coefficient.rules.flatMap((rule, index) => checkRule(rule, modules, `${field}.rules[${index}]`)),
  ]
}

/** One coefficient in words: "0.7" or "0.7, by rule 0.9, -0.2". */
export function coefficientText(coefficient: Coefficient | undefined): string {
  if (coefficient === undefined) return String(defaultCoefficient)
  if (typeof coefficient === 'number') return String(coefficient)
  const values = coefficient.rules.map((rule) => rule.value)
  return values.length === 0 ? String(coefficient.default) : `${coefficient.default}, by rule ${values.join(', ')}`
}

function ruleMatches(rule: CoefficientRule, module: RuledModule): boolean {
  return (rule.modules === undefined || namesOf(rule.modules).includes(module.moduleKind)) && layerMatches(rule, module)
}

function layerMatches({ layers }: CoefficientRule, { layer }: RuledModule): boolean {
  return layers === undefined || (layer !== null && layer >= layers[0] && layer <= layers[1])
}

function namesOf(modules: string): readonly string[] {
  return modules.split('|').map((name) => name.trim())
}

function checkRule(rule: CoefficientRule, modules: readonly RuledModule[], field: string): readonly Problem[] {
  const wrong = [...checkFinite(rule.value, `${field}.value`), ...checkLayers(rule, field), ...checkNames(rule, field)]
  return wrong.length > 0 || modules.length === 0 ? wrong : unmatched(rule, modules, field)
}

function checkFinite(value: number, field: string): readonly Problem[] {
  if (Number.isFinite(value)) return []
  return [
    errorProblem('coefficient-invalid', `${field} is ${shownValue(value)}, but a coefficient must be a finite number.`, {
      where: { field, value: shownValue(value) },
      allowed: ['any finite number'],
      hint: 'Use a number such as 0.7; 0 and negative numbers are allowed.',
    }),
  ]
}

function checkLayers({ layers }: CoefficientRule, field: string): readonly Problem[] {
  if (layers === undefined) return []
  const place = { field: `${field}.layers`, value: shownValue(layers) }
  const allowed = ['[first, last], whole numbers from 0']
  if (!layers.every((layer) => Number.isSafeInteger(layer) && layer >= 0)) {
    return [
      errorProblem('coefficient-invalid', `${place.field} is ${place.value}, but layers are whole numbers from 0.`, {
        where: place,
        allowed,
        hint: 'Write the first and the last layer, as [0, 15].',
      }),
    ]
  }
  if (layers[0] <= layers[1]) return []
  return [
    errorProblem('coefficient-invalid', `${place.field} is ${place.value}: the first layer comes after the last.`, {
      where: place,
      allowed,
      hint: `Did you mean [${layers[1]}, ${layers[0]}]?`,
    }),
  ]
}

function checkNames({ modules }: CoefficientRule, field: string): readonly Problem[] {
  if (modules === undefined || namesOf(modules).every((name) => name !== '')) return []
  return [
    errorProblem('coefficient-invalid', `${field}.modules is ${shownValue(modules)}, which has an empty name in it.`, {
      where: { field: `${field}.modules`, value: shownValue(modules) },
      hint: 'Write names joined by "|", as q_proj|v_proj, or leave modules out to mean all.',
    }),
  ]
}

function unmatched(rule: CoefficientRule, modules: readonly RuledModule[], field: string): readonly Problem[] {
  const kinds = [...new Set(modules.map((module) => module.moduleKind))].sort()
  const strangers = rule.modules === undefined ? [] : namesOf(rule.modules).filter((name) => !kinds.includes(name))
  const problems = strangers.map((name) =>
    warningProblem('rule-unmatched', `The adapter has no module called "${name}".`, {
      where: { field: `${field}.modules`, value: shownValue(name) },
      allowed: kinds,
      hint: didYouMean(name, kinds),
    }),
  )
  if (problems.length > 0 || modules.some((module) => ruleMatches(rule, module))) return problems
  const layers = modules.flatMap((module) => (module.layer === null ? [] : [module.layer]))
  return [
    warningProblem('rule-unmatched', 'The rule matches no module of the adapter.', {
      where: { field, value: shownValue(rule) },
      hint: layers.length === 0 ? 'The adapter has no layers.' : `Its layers are ${Math.min(...layers)} to ${Math.max(...layers)}.`,
    }),
  ]
}
