import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { giveScores, takeScores } from '../../../src-main/cluster/share-scores.ts'
import { outcomeAt, runOn, tinyBase } from '../library/run-support.ts'
import { openBench } from '../library/support.ts'

function library() {
  const { library: opened } = openBench()
  return { runs: opened.runs, baseId: opened.bases.add(tinyBase()).id }
}
type Made = ReturnType<typeof library>

/** Four answers; a run with fewer is not finished. */
async function answer({ runs, baseId }: Made, subject: string, split: 'train' | 'test', answers = 4): Promise<string> {
  const { id } = runs.begin(runOn(baseId, 'colours', subject, { split, metric: 'mean_loss' }))
  runs.addOutcomes(
    id,
    Array.from({ length: answers }, (_, position) => outcomeAt(position, position / 2, { weight: position + 1 })),
  )
  await runs.finish(id)
  return id
}

const place = ({ baseId }: Made, taskHash: string) => ({ baseId, taskId: 'colours', taskHash })

test('what one library found on labelled examples is in the other one, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-scores-'))
  const [here, there] = [library(), library()]
  const id = await answer(here, 'first', 'train')
  await answer(here, 'second', 'test')
  await answer(here, 'third', 'train', 3)
  const taskHash = here.runs.whole(id)!.run.taskHash
  expect(await giveScores(folder, here.runs)).toBe(1)
  expect(await giveScores(folder, here.runs)).toBe(0)
  expect(await takeScores(folder, place(there, 'another'), there.runs)).toBe(0)
  expect(await takeScores(folder, place(there, taskHash), there.runs)).toBe(1)
  expect(await takeScores(folder, place(there, taskHash), there.runs)).toBe(0)
  const [taken, ...more] = there.runs.list()
  expect(more).toEqual([])
  const given = here.runs.get(id)!
  // The mean weighs each example by its tokens: (0*1 + 0.5*2 + 1*3 + 1.5*4) / 10.
  expect(given.value).toBeCloseTo(1, 12)
  expect(taken).toMatchObject({ value: given.value, low: given.low, high: given.high, done: 4, n: 4, split: 'train', baseId: there.baseId })
  expect(there.runs.whole(taken!.id)!.outcomes).toEqual(here.runs.whole(id)!.outcomes)
})

test('a file that is cut short, or says another key than its name, is passed over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-scores-'))
  const [here, there] = [library(), library()]
  const id = await answer(here, 'first', 'train')
  await giveScores(folder, here.runs)
  const [name] = readdirSync(folder)
  const text = readFileSync(join(folder, name!), 'utf8')
  writeFileSync(join(folder, 'copied.json'), text)
  writeFileSync(join(folder, name!), text.slice(0, 200))
  expect(await takeScores(folder, place(there, here.runs.whole(id)!.run.taskHash), there.runs)).toBe(0)
  expect(there.runs.list()).toEqual([])
})
