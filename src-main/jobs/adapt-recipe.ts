import * as v from 'valibot'
import { stringify } from 'yaml'
import { adaptInputSchema } from '../contract/adapt.ts'
import type { StoredJob } from '../library/job-store.ts'
import type { AdaptJobInput } from './adapt-input.ts'
import { contentOf } from './adapt-resolve.ts'
import type { CheckedAdaptation } from './adapt-types.ts'
import { searchMethodOf } from './search-input.ts'

/** The part of a resolved adaptation that starts it again; the rest is for reading. */
const keptSchema = v.object({
  input: v.object({
    ...adaptInputSchema.entries,
    group: v.optional(v.nullable(v.string()), null),
    swept: v.optional(v.array(v.string()), []),
  }),
})

/** What a job of Adapt was started with. */
export function inputOfAdaptJob({ resolved }: Pick<StoredJob, 'resolved'>): AdaptJobInput {
  return v.parse(keptSchema, JSON.parse(resolved)).input
}

/** The adaptation with every default, hash and example id filled in, as JSON text. */
export function resolvedAdaptJob(checked: CheckedAdaptation, input: AdaptJobInput): string {
  return JSON.stringify({ ...(contentOf(checked) as object), input })
}

/** Most adapters of a pool that the description names. */
const mostNamed = 100

/** The adaptation for people, as YAML. */
export function describeAdaptation(checked: CheckedAdaptation): string {
  const { input, arm, control, preset, params, base, task, pool, own, startFrom, device, trainIds, validationIds } = checked
  const named = pool.slice(0, mostNamed).map(({ id, name }) => ({ adapter: id, name }))
  return stringify({
    ...(control ? { control: control.id } : { arm }),
    ...(preset && { preset: preset.id }),
    base: { id: base.id, name: base.name },
    task: { id: task.id, ...(input.budget !== null && { budget: input.budget }), train: trainIds.length, validation: validationIds.length },
    ...(own && { own: { adapter: own.id, name: own.name } }),
    ...(startFrom && { startFrom: { adapter: startFrom.id, name: startFrom.name } }),
    ...(pool.length > 0 && { pool: pool.length > mostNamed ? [...named, `and ${pool.length - mostNamed} more`] : named }),
    ...(arm === 'search' && { method: searchMethodOf(checked), searched: input.searched, searchCoefficients: input.searchCoefficients }),
    params,
    seed: input.seed,
    device: device.name,
  })
}

/** "Tune on sentiment: Recycling (2026)", "Random parameters on sentiment, seed 2", "Train on topic, rank 8". */
export function titleOfAdaptation({ input, arm, control, preset, params, task }: CheckedAdaptation, swept: readonly string[] = []): string {
  const words = { select: 'Select for', tune: 'Tune on', search: 'Search on', train: 'Train on' } as const
  const seed = input.seed === 1 ? '' : `, seed ${input.seed}`
  const settings = swept.map((id) => `, ${id} ${String(params[id])}`).join('')
  if (control) return `${control.label} on ${task.title}${settings}${seed}`
  return `${words[arm]} ${task.title}${preset ? `: ${preset.label}` : ''}${settings}${seed}`
}
