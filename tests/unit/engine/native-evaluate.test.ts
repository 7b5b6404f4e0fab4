import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { readEvaluateLines, type EvaluateItem, type EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import { makeCheckpoint, type LlamaSizes } from '../../bench/make-checkpoint.ts'

// Evaluations over the real addon. The arithmetic is tested in tests/native and tests/golden; here it is the way there and back.

const engine = createEngine({ threads: 2 })
const sizes: LlamaSizes = { vocabulary: 200, hidden: 64, intermediate: 96, layers: 2, heads: 4 }
const scratch = mkdtempSync(join(tmpdir(), 'amalgam-evaluate-'))
const model = join(scratch, 'base')
const outFile = join(scratch, 'lines.jsonl')
beforeAll(() => makeCheckpoint(model, sizes))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const request = (items: readonly EvaluateItem[]): EvaluateRequest => ({
  model,
  device: 'cpu',
  memoryBytes: 0,
  batchTokens: 0,
  adapters: [],
  subjects: [{ name: 'base', terms: [] }],
  items,
  work: items.map((_, item) => [0, item]),
  outFile,
})
const generate = (prompt: readonly number[], maxNewTokens: number, stop: readonly number[] = []): EvaluateItem => ({
  prompt,
  ask: { kind: 'generate', maxNewTokens, stop },
})

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason) // prettier-ignore
  expect(error).toBeInstanceOf(Refusal)
  return error as Refusal
}

test('generation, choices and loss come back as lines that agree', async () => {
  rmSync(outFile, { force: true })
  const stages = new Set<string>()
  const onProgress = ({ stage, unit }: { readonly stage: string; readonly unit: string }) => stages.add(`${stage} ${unit}`)
  await engine.evaluate(request([generate([5, 6, 7], 4)]), { onProgress })
  const [line] = readEvaluateLines(readFileSync(outFile, 'utf8'))
  if (line === undefined || !('tokens' in line)) throw new Error('no line of a generation')
  expect(line).toMatchObject({ subject: 0, item: 0, ended: false })
  expect(line.tokens).toHaveLength(4)
  expect(stages).toContain('evaluating examples')

  rmSync(outFile)
  const outcome = await engine.evaluate(
    request([
      { prompt: [5, 6, 7], ask: { kind: 'choices', choices: [line.tokens, [line.tokens[0]!]] } },
      { prompt: [5, 6, 7], ask: { kind: 'loss', answer: line.tokens } },
    ]),
  )
  expect(outcome).toMatchObject({ done: 2, weightBytes: outcome.estimate.weights })
  const lines = readEvaluateLines(readFileSync(outFile, 'utf8'))
  expect(lines.find(({ item }) => item === 1)).toMatchObject({ logProbability: line.logProbability, count: 4 })
  const choices = lines.find(({ item }) => item === 0)
  expect(choices).toMatchObject({ logProbabilities: [line.logProbability, expect.any(Number)] })
})

test('a stopped evaluation rejects soon and leaves whole lines', async () => {
  rmSync(outFile, { force: true })
  const stop = new AbortController()
  let stoppedAt = Number.NaN
  const items = Array.from({ length: 20_000 }, (_, i) => generate([1 + (i % 150), 3, 4], 30))
  const running = engine.evaluate(request(items), {
    signal: stop.signal,
    onProgress: ({ stage, fraction }) => {
      if (stage !== 'evaluating' || fraction === 0 || stop.signal.aborted) return
      stoppedAt = performance.now()
      stop.abort()
    },
  })
  expect((await refusalOf(running)).problems[0]?.code).toBe('cancelled')
  expect(performance.now() - stoppedAt).toBeLessThan(1000)
  const text = readFileSync(outFile, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  const done = readEvaluateLines(text).length
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(items.length)
})

test('facts of a checkpoint', async () => {
  const facts = await engine.checkpoint(model)
  const block = 4 * 64 * 64 + 3 * 64 * 96 + 2 * 64
  expect(facts).toMatchObject({
    family: 'llama',
    dtype: 'F32',
    parameters: 2 * 200 * 64 + 2 * block + 64,
    heads: 4,
    layers: 2,
    endTokens: [2],
  })
  expect(facts.weightBytes).toBe(4 * facts.parameters)
  expect(facts.modules).toHaveLength(14)
  expect(facts.modules[6]).toEqual({ name: 'model.layers.0.mlp.down_proj', in: 96, out: 64 })
  expect(facts.memory[0]?.device).toBe('cpu')
  expect(facts.memory[0]?.needs).toBeGreaterThan(facts.weightBytes)
})

test('bad folders, devices, tokens and too little memory are problems', async () => {
  const codeOf = async (promise: Promise<unknown>) => (await refusalOf(promise)).problems[0]?.code
  expect(await codeOf(engine.checkpoint(join(scratch, 'nowhere')))).toMatch(/^(checkpoint-missing|file-unreadable|config-missing)$/)
  const broken = join(scratch, 'broken')
  const weights = makeCheckpoint(broken, sizes)
  truncateSync(weights, 5000)
  expect(await codeOf(engine.checkpoint(broken))).toMatch(/^(header-too-long|tensor-offsets-invalid)$/)
  writeFileSync(join(broken, 'config.json'), JSON.stringify({ model_type: 'gpt2' }))
  expect(await codeOf(engine.checkpoint(broken))).toBe('architecture-unknown')
  const items = [generate([5], 2)]
  expect(await codeOf(engine.evaluate({ ...request(items), device: 'cuda:77' }))).toBe('device-unknown')
  expect(await codeOf(engine.evaluate({ ...request(items), memoryBytes: 1000 }))).toBe('memory-short')
  expect(await codeOf(engine.evaluate(request([generate([], 2)])))).toBe('prompt-empty')
  expect(await codeOf(engine.evaluate(request([generate([200], 2)])))).toBe('vocabulary-mismatch')
})
