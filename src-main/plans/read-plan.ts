import * as v from 'valibot'
import { controlOf } from '../contract/controls.ts'
import { findMethod, methodIds } from '../contract/methods.ts'
import { checkParams } from '../contract/params.ts'
import { armRoles, planFileSchema, type Arm, type ArmRole, type PlanFile } from '../contract/plan.ts'
import { findPreset } from '../contract/presets.ts'
import { errorProblem, hasError, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { tunerOf, type Arm as AdaptArm } from '../contract/tuners.ts'
import { readYaml } from '../recipes/read-yaml.ts'
import { needsOwn } from './expand-plan.ts'

/**
 * Reads a plan from text (YAML or JSON) or from an unknown value, with every problem of its form: unknown fields, presets, parameters, roles given
 * twice, an own LoRA that is needed and not there. Whether base model, adapters and tasks exist is checked where they are. `plan` is null when a problem blocks.
 */
export function readPlan(input: unknown): { readonly plan: PlanFile | null; readonly problems: readonly Problem[] } {
  const read = typeof input === 'string' ? readYaml(input) : { value: input, refusal: null }
  if (read.refusal !== null) return { plan: null, problems: [notReadable(read.refusal)] }
  const result = v.safeParse(planFileSchema, read.value)
  if (!result.success) return { plan: null, problems: result.issues.map(formProblem) }
  const problems = [...checkRoles(result.output), ...result.output.arms.flatMap(checkArm)]
  return { plan: hasError(problems) ? null : result.output, problems }
}

function checkRoles({ arms }: PlanFile): readonly Problem[] {
  const repeatedIds = arms.filter(({ id }, index) => arms.findIndex((other) => other.id === id) !== index)
  const repeatedRoles = armRoles.filter((role) => arms.filter((arm) => arm.role === role).length > 1)
  const own = arms.find(({ role }) => role === 'own')
  const wanting = own ? [] : arms.filter(needsOwn)
  return [
    ...repeatedIds.map(({ id }) => planProblem('arms', `Two arms have the id ${id}.`, id, 'Give one of them another id.')),
    ...repeatedRoles.map((role) =>
      planProblem('arms', `Two arms have the role ${role}.`, role, 'The verdict speaks of one of each; take the role from the others.'),
    ),
    ...(own && own.kind !== 'train'
      ? [
          planProblem(
            `arms.${own.id}`,
            `The arm ${own.id} has the role own, but it trains nothing.`,
            own.kind,
            'The own LoRA is an arm of the kind train.',
          ),
        ]
      : []),
    ...wanting.map(({ id }) =>
      planProblem(
        `arms.${id}`,
        `The arm ${id} needs an own LoRA, and the plan trains none.`,
        id,
        'Add an arm of the kind train with the role own.',
      ),
    ),
    ...missingForVerdict(arms).map((role) =>
      warningProblem('field-missing', `No arm has the role ${role}, so the verdict cannot be given in full.`, {
        where: { field: 'arms', value: role },
        hint: 'Add the arm, or read the charts without a verdict.',
      }),
    ),
  ]
}

/** Roles without which the six rules stop early: with an own LoRA its controls, else the random one. */
function missingForVerdict(arms: readonly Arm[]): readonly ArmRole[] {
  const has = (role: ArmRole): boolean => arms.some((arm) => arm.role === role)
  const needed: readonly ArmRole[] = has('own') ? ['base', 'mergedWithOwn', 'retuned', 'randomWithOwn'] : ['base', 'merged', 'random']
  return needed.filter((role) => !has(role))
}

function checkArm(arm: Arm): readonly Problem[] {
  const field = `arms.${arm.id}`
  switch (arm.kind) {
    case 'base':
    case 'best_single':
      return []
    case 'merge': {
      const method = findMethod(arm.method)
      if (!method) return [unknown(field, 'merge method', arm.method, methodIds)]
      return [
        ...checkParams(method.params, arm.params, 'recipe', `${field}.params`).problems,
        ...checkParams(tunerOf('select').params, arm.selection, 'recipe', `${field}.selection`).problems,
      ]
    }
    case 'control': {
      const { arm: of } = controlOf(arm.control)
      return checkAdapt(field, of === 'evaluate' ? 'tune' : of, arm)
    }
    default:
      return checkAdapt(field, arm.kind, arm)
  }
}

function checkAdapt(
  field: string,
  kind: AdaptArm,
  { preset, params }: { readonly preset: string | null; readonly params: Readonly<Record<string, unknown>> },
) {
  const known = preset === null ? undefined : findPreset(preset)
  if (preset !== null && known?.arm !== kind) {
    return [
      errorProblem('parameter-invalid', `There is no preset ${preset} for ${kind}.`, {
        where: { field: `${field}.preset`, value: preset },
      }),
    ]
  }
  return checkParams(tunerOf(kind).params, params, 'recipe', `${field}.params`).problems
}

function formProblem(issue: v.BaseIssue<unknown>): Problem {
  const field = (issue.path ?? []).map(({ key }) => String(key)).join('.')
  return errorProblem('parameter-invalid', `The plan's ${field === '' ? 'form' : `field ${field}`} is not valid: ${issue.message}.`, {
    where: { field, value: shownValue(issue.input) },
  })
}

function planProblem(field: string, message: string, value: string, hint: string): Problem {
  return errorProblem('parameter-invalid', message, { where: { field, value }, hint })
}

function unknown(field: string, what: string, value: string, allowed: readonly string[]): Problem {
  return errorProblem('unknown-method', `There is no ${what} ${value}.`, {
    where: { field, value },
    allowed,
    hint: didYouMean(value, allowed),
  })
}

function notReadable(reason: string): Problem {
  return errorProblem('recipe-not-readable', `The plan cannot be read: ${reason}.`, {
    hint: 'A plan is YAML or JSON with the fields version, title, base, pool, tasks, budgets, seeds and arms.',
  })
}
