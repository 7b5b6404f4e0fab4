import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { Selected } from '../../../src-main/contract/adapt.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { selectionIds } from '../../../src-main/contract/selection.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library')]
const place = ['--base', join(demoKit, 'base-model'), '--task', join(demoKit, 'tasks', 'sentiment_recommend.task.json'), '--budget', '10']
const names = ['sentiment-r16', 'topic-r16', 'rude-r16']
const pool = names.flatMap((name) => ['--pool', join(demoAdapters, name)])

test('wrong usage says what is missing or wrong, and the help names every strategy', async () => {
  for (const [words, said] of [
    [place.slice(0, 2), '--task is needed'],
    [[...place, '--k', '0'], '--k is "0". Allowed: a whole number from 1.'],
    [[...place, '--skip', 'some'], '--skip is "some". Allowed: a whole number from 0.'],
    [[...place, '--strategy', 'cosin'], '--strategy is "cosin"'],
  ] as const) {
    const { code, out, err } = await runCli(['select', ...words, ...inLibrary])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
  }
  const help = (await runCli(['select', '--help'])).out
  for (const id of selectionIds) expect(help).toMatch(new RegExp(`^ +${id} {2,}\\w`, 'm'))
})

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  interface Answer {
    readonly strategy: string
    readonly chosen: readonly string[]
    readonly ranking: readonly Selected[]
    readonly cost: { readonly scoredAdapters: number }
  }

  test('a ranking is a table, and as JSON the chosen ones and everybody’s value', async () => {
    const words = ['select', ...place, ...pool, '--strategy', 'loss', '--k', '2', ...inLibrary]
    const { code, json } = await runCli([...words, '--json'])
    const answer = json<Answer>()
    expect([code, answer.strategy, answer.cost.scoredAdapters]).toEqual([0, 'loss', 3])
    expect(answer.ranking.map(({ place: at }) => at)).toEqual([0, 1, null])
    expect(answer.chosen).toEqual(answer.ranking.slice(0, 2).map(({ adapterId }) => adapterId))
    const values = answer.ranking.map(({ value }) => value!)
    expect(values).toEqual([...values].sort((left, right) => right - left))
    expect(answer.ranking.map(({ name }) => name).sort()).toEqual([...names].sort())
    const { out } = await runCli(words)
    expect(out).toMatch(new RegExp(`^1 +${answer.ranking[0]!.name} +-\\d`, 'm'))
    expect(out).toContain('2 of 3 chosen')
  })

  test('a strategy that needs one’s own LoRA is refused without it', async () => {
    const { code, json } = await runCli(['select', ...place, ...pool, '--strategy', 'cosine', '--json', ...inLibrary])
    expect(code).toBe(1)
    expect(
      json<{ problems: readonly Problem[] }>()
        .problems.filter(({ severity }) => severity === 'error')
        .map(({ code: said }) => said),
    ).toEqual(['own-missing'])
  })

  test('one’s own takes the first place, and the best can be left out', async () => {
    const own = ['--own', join(demoAdapters, names[1]!), '--own-first', '--skip', '1']
    const { code, json } = await runCli(['select', ...place, ...pool, '--strategy', 'loss', '--k', '2', ...own, '--json', ...inLibrary])
    expect(code).toBe(0)
    const { ranking } = json<Answer>()
    expect(ranking.map(({ place: at }) => at)).toEqual([0, 1, null])
    const [first, second, third] = ranking
    expect([first!.name, first!.value]).toEqual([names[1], null])
    expect(third!.value!).toBeGreaterThan(second!.value!)
    expect(third!.reason).toMatch(/best 1/)
  })
})
