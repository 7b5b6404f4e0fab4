import type { AutomaticNumber, ParamSpec, ParamValues } from '../contract/params.ts'
import type { FoundAdapter } from './find-adapters.ts'

/**
 * The parameters with a number wherever one is "auto": what the adapters of the recipe make of it, rounded where the parameter is a whole
 * number, and at least its minimum. Without adapters "auto" stays, since there is nothing to take a number from.
 */
export function resolveAutomatic(specs: readonly ParamSpec[], params: ParamValues, adapters: readonly FoundAdapter[]): ParamValues {
  const automatic = specs.flatMap((spec) => {
    if ((spec.kind !== 'number' && spec.kind !== 'integer') || !spec.automatic || params[spec.id] !== 'auto' || adapters.length === 0)
      return []
    const value = automaticNumber(spec.automatic, adapters)
    return [[spec.id, Math.max(spec.min ?? -Infinity, spec.kind === 'integer' ? Math.round(value) : value)] as const]
  })
  return automatic.length === 0 ? params : { ...params, ...Object.fromEntries(automatic) }
}

function automaticNumber(what: AutomaticNumber, adapters: readonly FoundAdapter[]): number {
  switch (what) {
    case 'mean-rank':
      return mean(adapters.map(({ detail }) => mean(detail.modules.map((module) => module.rank))))
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
