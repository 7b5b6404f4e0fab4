import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Refusal, type Problem, type ProblemCode } from '../../../src-main/contract/problems.ts'
import type { Library } from '../../../src-main/library/open-library.ts'
import { allowedName, bundleLimits } from '../../../src-main/plans/bundle.ts'
import { withZip } from '../../../src-main/plans/bundle-zip-reader.ts'
import { writeZip } from '../../../src-main/plans/bundle-zip-writer.ts'
import { readBundle } from '../../../src-main/plans/read-bundle.ts'
import { writeBundle, writeBundleInto } from '../../../src-main/plans/write-bundle.ts'
import { addPlan, cellResult, openRuns, planFile, temporaryFolder } from './runs-bench.ts'

const writtenAt = new Date('2026-11-22T12:30:00.000Z')
const machine = '/srv/people/jane/amalgam library'

/** A library with a plan of which three cells are done and one failed, and paths of its machine wherever there is text. */
function filled(): Library {
  const library = openRuns()
  const file = planFile({ base: `${machine}/tiny`, pool: ['wide', `${machine}/outputs/narrow`] })
  const problem: Problem = {
    ...{ code: 'file-missing', severity: 'error', message: `${machine}/pool/a b/x.safetensors is gone.` },
    where: { path: `${machine}/pool/a b/x.safetensors` },
  }
  const provenance = {
    baseFolder: `${machine}/tiny`,
    home: join(homedir(), 'pool', 'one'),
    windows: 'C:\\Users\\jane\\pool\\two',
    link: 'https://a.b/c/d',
  }
  addPlan(library, 'plan', { file, provenance, problems: [problem], baseline: 'own', headline: 'Train your own LoRA.' })
  const adapter = { name: 'own-1', contentHash: 'c'.repeat(64), tensorHash: 't'.repeat(64), path: `${machine}/outputs/own-1` }
  const selection = [{ adapterId: 'x', name: 'wide', value: 0.5, place: null, reason: `not at ${machine}/outputs/wide` }]
  library.plans.setResult('plan', cellResult('reviews/-/-/base', [0, 1, 0, 0]))
  library.plans.setResult('plan', cellResult('reviews/100/1/own', [1, 1, 0, 1], { adapter, provenance, problems: [problem], selection }))
  library.plans.setResult('plan', cellResult('topics/-/-/base', [0.25, 1, 0, 0.125]))
  library.plans.patchCell('plan', 'topics/100/1/own', { state: 'failed', problems: [problem] })
  const interval = { value: -0.25, low: -0.5, high: 0 }
  const row = { adapterId: 'x', name: 'wide', value: 0.5, difference: interval }
  library.plans.setAblation('plan', { cell: 'reviews/100/1/own', state: 'done', jobId: 'j', n: 4, full: 0.75, rows: [row], problems: [] })
  return library
}

const options = (library: Library, appVersion = '0.1.0') => ({ plans: library.plans, appVersion, now: () => writtenAt, places: [machine] })

async function exported(library = filled()): Promise<string> {
  const path = join(temporaryFolder(), 'plan.zip')
  await writeBundle('plan', path, options(library))
  return path
}

/** Every file of a bundle as text. */
function textsOf(path: string): Promise<ReadonlyMap<string, string>> {
  return withZip(path, { allowedName, limits: bundleLimits }, async ({ names, read }) => {
    const texts = new Map<string, string>()
    for (const name of names) texts.set(name, (await read(name)).toString())
    return texts
  })
}

/** The bundle with some of its files changed; `sealed`: the manifest's hashes are those of the changed files. */
async function changed(change: (files: Map<string, string>) => void, sealed = true): Promise<string> {
  const files = new Map(await textsOf(await exported()))
  change(files)
  if (sealed) {
    const manifest = JSON.parse(files.get('manifest.json')!) as { readonly files: unknown }
    const listed = [...files].filter(([name]) => name !== 'manifest.json').map(([name, text]) => ({
      name,
      sizeBytes: Buffer.byteLength(text),
      sha256: createHash('sha256').update(text).digest('hex'),
    })) // prettier-ignore
    files.set('manifest.json', JSON.stringify({ ...manifest, files: listed }))
  }
  const path = join(temporaryFolder(), 'changed.zip')
  await writeZip(path, writtenAt, async (zip) => {
    for (const [name, text] of files) await zip.add(name, Buffer.from(text))
  })
  return path
}

/** Fields of the files that tests change, to values of any kind. */
interface Loose {
  version: number
  format: string
  arms: unknown[]
  tasks: string[]
  seeds: number[]
  cell: string
  metric: string
  values: unknown[]
  exampleIds: unknown[]
}

function edited(name: string, change: (value: Loose) => void): (files: Map<string, string>) => void {
  return (files) => {
    const value = JSON.parse(files.get(name)!) as Loose
    change(value)
    files.set(name, JSON.stringify(value))
  }
}

/** The code of the refusal, and that nothing was kept. */
async function refused(path: string): Promise<ProblemCode | undefined> {
  const library = openRuns()
  const error: unknown = await readBundle(path, options(library)).then(() => undefined, (reason: unknown) => reason) // prettier-ignore
  expect(library.plans.list()).toEqual([])
  expect(error).toBeInstanceOf(Refusal)
  return (error as Refusal).problems[0]?.code
}

describe('a bundle', () => {
  test('gives the same plan with the same results in another library', async () => {
    const from = filled()
    const to = openRuns()
    const { planId, problems } = await readBundle(await exported(from), options(to))
    expect(problems).toEqual([])
    const [here, there] = [from.plans.get('plan')!, to.plans.get(planId)!]
    expect(there).toMatchObject({
      ...{ state: 'imported', baseName: 'tiny', createdAt: here.createdAt, baseline: 'own', headline: null, archived: false },
      importedFrom: { appVersion: '0.1.0', at: '2026-11-22T12:30:00.000Z' },
      file: { ...here.file, base: 'tiny', pool: ['wide', 'narrow'] },
    })
    expect(there.problems).toMatchObject([{ code: 'file-missing' }])
    expect(to.plans.tasks(planId)).toEqual(from.plans.tasks('plan'))
    for (const cell of ['reviews/-/-/base', 'reviews/100/1/own', 'topics/-/-/base']) {
      const { exampleIds, values, predictions, fingerprint } = from.plans.result('plan', cell)!
      expect(to.plans.result(planId, cell)).toMatchObject({ exampleIds, values, predictions, fingerprint })
    }
    const states = (library: Library, id: string) => library.plans.cells(id).map(({ id: cell, state, value, needs }) => [cell, state, value, needs]) // prettier-ignore
    expect(states(to, planId)).toEqual(states(from, 'plan'))
    expect(to.plans.ablations(planId)).toMatchObject([
      { cell: 'reviews/100/1/own', jobId: null, rows: [{ adapterId: null, name: 'wide' }] },
    ])
  })

  test('holds no path of the machine, in no file', async () => {
    const texts = await textsOf(await exported())
    expect([...texts.keys()]).toEqual(['plan.json', 'record.json', 'tasks/0000.json', 'tasks/0001.json', 'cells/0000.json', 'cells/0001.json', 'cells/0002.json', 'manifest.json']) // prettier-ignore
    for (const [name, text] of texts) {
      expect([name, /jane|srv|Users|amalgam library|\/pool\/|outputs/.exec(text)?.[0]]).toEqual([name, undefined])
      expect(text).not.toContain(homedir())
    }
    const cell = JSON.parse(texts.get('cells/0000.json')!) as { readonly [key: string]: unknown }
    expect(cell).toMatchObject({
      adapter: { name: 'own-1', path: null },
      provenance: { baseFolder: '…/tiny', home: '…/one', windows: '…/two', link: 'https://a.b/c/d' },
      problems: [{ message: '…/x.safetensors is gone.', where: { path: '…/x.safetensors' } }],
      selection: [{ reason: 'not at …/wide' }],
    })
  })

  test('is named for the plan and the day, and replaces no file', async () => {
    const library = filled()
    const folder = temporaryFolder()
    expect(await writeBundleInto('plan', folder, options(library))).toBe(join(folder, 'reviews-and-topics-2026-11-22.zip'))
    expect(await writeBundleInto('plan', folder, options(library))).toBe(join(folder, 'reviews-and-topics-2026-11-22-2.zip'))
    const before = readFileSync(join(folder, 'reviews-and-topics-2026-11-22.zip'))
    await expect(writeBundle('plan', join(folder, 'reviews-and-topics-2026-11-22.zip'), options(library))).rejects.toThrow(
      'There is already a file',
    )
    expect(readFileSync(join(folder, 'reviews-and-topics-2026-11-22.zip'))).toEqual(before)
    await expect(writeBundleInto('gone', folder, options(library))).rejects.toThrow('no plan with the id "gone"')
    expect(readdirSync(folder)).toHaveLength(2)
  })

  test('of another version of the app is read, with a warning', async () => {
    const { planId, problems } = await readBundle(await exported(), options(openRuns(), '0.2.0'))
    expect(planId).toMatch(/^[0-9a-f]{12}$/)
    expect(problems).toMatchObject([
      { code: 'versions-differ', severity: 'warning', message: 'These results come from Amalgam 0.1.0; this is 0.2.0.' },
    ])
  })
})

describe('refused, with nothing kept:', () => {
  const cases: readonly (readonly [string, ProblemCode, (files: Map<string, string>) => void])[] = [
    ['a newer version of the file', 'bundle-newer', edited('manifest.json', (value) => (value.version = 2))],
    ['a zip file of something else', 'bundle-not-readable', edited('manifest.json', (value) => (value.format = 'other'))],
    ['no manifest', 'bundle-damaged', (files) => files.set('manifest.json', JSON.stringify({ format: 'amalgam-plan', version: 1, appVersion: '' }))],
    ['a plan that is none', 'bundle-damaged', edited('plan.json', (value) => (value.arms = []))],
    ['a plan of very many cells', 'file-too-large', edited('plan.json', (value) => {
      value.tasks = Array.from({ length: 1000 }, (_, index) => `t${index}`)
      value.seeds = Array.from({ length: 100 }, (_, index) => index)
    })], // prettier-ignore
    ['a cell that the plan does not have', 'bundle-damaged', edited('cells/0000.json', (value) => (value.cell = 'reviews/-/-/other'))],
    ['a cell that comes twice', 'bundle-damaged', (files) => files.set('cells/0009.json', files.get('cells/0000.json')!)],
    ['fewer values than examples', 'bundle-damaged', edited('cells/0000.json', (value) => value.values.pop())],
    ['an unknown example', 'bundle-damaged', edited('cells/0000.json', (value) => (value.exampleIds[0] = 'nobody'))],
    ['an example twice', 'bundle-damaged', edited('cells/0000.json', (value) => (value.exampleIds[0] = value.exampleIds[1]))],
    ['another metric than the task has', 'bundle-damaged', edited('cells/0000.json', (value) => (value.metric = 'token_f1'))],
    ['an infinite value', 'bundle-damaged', (files) => files.set('cells/0000.json', files.get('cells/0000.json')!.replace('[1,1,0,1]', '[1,1e999,0,1]'))],
    ['a text for a number', 'bundle-damaged', edited('cells/0000.json', (value) => (value.values[0] = '1'))],
    ['what is not JSON', 'bundle-damaged', (files) => files.set('record.json', '{')],
    ['a missing task', 'bundle-damaged', (files) => files.delete('tasks/0000.json')],
    ['a name that leads elsewhere', 'bundle-not-readable', (files) => files.set('../../evil.json', '{}')],
    ['a name of another kind', 'bundle-not-readable', (files) => files.set('cells/0000.json.exe', '')],
  ] // prettier-ignore
  test.each(cases)('%s', async (_what, code, change) => {
    expect(await refused(await changed(change))).toBe(code)
  })

  test('a file that is not what was exported', async () => {
    const edit = edited('cells/0000.json', (value) => (value.values = [1, 1, 1, 1]))
    expect(await refused(await changed(edit, false))).toBe('bundle-damaged')
  })

  test('a file beside what the manifest lists', async () => {
    expect(await refused(await changed((files) => files.set('cells/0009.json', '{}'), false))).toBe('bundle-damaged')
  })

  test('a flipped bit anywhere is noticed, or changes nothing', async () => {
    const whole = readFileSync(await exported())
    const path = join(temporaryFolder(), 'flipped.zip')
    const library = openRuns()
    for (let at = 0; at < whole.length; at += 37) {
      const bytes = Buffer.from(whole)
      bytes[at] = bytes[at]! ^ 0x10
      writeFileSync(path, bytes)
      const error: unknown = await readBundle(path, options(library)).then(() => undefined, (reason: unknown) => reason) // prettier-ignore
      const kept = library.plans.list()
      // Dates and versions of zip headers are not read; everything else is refused in words.
      if (error === undefined) expect(kept).toMatchObject([{ done: 3, failed: 1 }])
      else expect([at, kept.length, error]).toEqual([at, 0, expect.any(Refusal)])
      library.plans.remove(kept.map(({ id }) => id))
    }
  })

  test('a file that ends early, an empty one, and one that is no zip file', async () => {
    const whole = readFileSync(await exported())
    const path = join(temporaryFolder(), 'cut.zip')
    for (const bytes of [whole.subarray(0, whole.length - 30), whole.subarray(0, 100), Buffer.alloc(0), Buffer.from('version: 1\n')]) {
      writeFileSync(path, bytes)
      expect(await refused(path)).toBe('bundle-not-readable')
    }
    writeFileSync(path, whole.subarray(40))
    expect(await refused(path)).toBe('bundle-damaged')
  })
})

describe('zip bombs', () => {
  /** A zip file with one entry whose central directory says another size than it has. */
  async function zipSaying(sizeBytes: number, data: Buffer): Promise<string> {
    const path = join(temporaryFolder(), 'bomb.zip')
    await writeZip(path, writtenAt, (zip) => zip.add('plan.json', data))
    const bytes = readFileSync(path)
    const central = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]))
    bytes.writeUInt32LE(sizeBytes, central + 24)
    writeFileSync(path, bytes)
    return path
  }
  const limits = { fileBytes: 1_000_000, entries: 3, entryBytes: 1000, totalBytes: 1500 }
  const readAll = (path: string) => withZip(path, { allowedName, limits }, async ({ names, read }) => Promise.all(names.map(read)))

  test('an entry that says how large it is is not unpacked', async () => {
    await expect(readAll(await zipSaying(5000, Buffer.alloc(5000)))).rejects.toThrow('plan.json is too large when it is unpacked.')
  })

  test('one that says less is unpacked no further than it says', async () => {
    await expect(readAll(await zipSaying(500, Buffer.alloc(50_000)))).rejects.toThrow('plan.json unpacks to more than it says')
  })

  test('many small ones, and too many, are refused as a whole', async () => {
    const path = join(temporaryFolder(), 'many.zip')
    await writeZip(path, writtenAt, async (zip) => {
      await zip.add('plan.json', Buffer.alloc(800))
      await zip.add('record.json', Buffer.alloc(800))
    })
    await expect(readAll(path)).rejects.toThrow('All of it is too large when it is unpacked.')
    const more = join(temporaryFolder(), 'more.zip')
    await writeZip(more, writtenAt, async (zip) => {
      for (let place = 0; place < 4; place += 1) await zip.add(`cells/000${place}.json`, Buffer.alloc(1))
    })
    await expect(readAll(more)).rejects.toThrow('It holds 4 files.')
  })
})
