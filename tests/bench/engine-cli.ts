import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { evaluateOutcomeSchema, type EvaluateOutcome, type EvaluateRequest } from '../../src-main/engine/evaluate-request.ts'

/** The one that the build of the app makes, or the one that AMALGAM_ENGINE_CLI names. */
const program = process.env['AMALGAM_ENGINE_CLI'] ?? join(import.meta.dirname, '../../native/build/Release/engine_cli')

function run(words: readonly string[]): unknown {
  return JSON.parse(execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 }))
}

const gemmSchema = v.object({
  peakGflops: v.number(),
  rows: v.array(v.object({ name: v.string(), weights: v.string(), rows: v.number(), gflops: v.number(), ofPeak: v.number() })),
})
/** Speeds of the matrix products on two threads, and the processor's peak of fused multiply-adds. */
export const benchGemm = () => v.parse(gemmSchema, run(['bench', 'gemm', '--threads', '2']))

const rates = { tokensPerSecond: v.number(), boundTokensPerSecond: v.number(), ofBound: v.number() }
const scoreSchema = v.object({ score: v.object(rates), decode: v.array(v.object({ ...rates, batch: v.number() })) })
/** Scoring and decoding of the random 125M Llama in f32 on two threads. */
export const benchScore = () => v.parse(scoreSchema, run(['bench', 'score', '--config', '125m', '--threads', '2']))

const learnRates = v.object({ tokensPerSecond: v.number(), ofBound: v.number(), gflopPerToken: v.number(), bytes: v.number() })
const learnSchema = v.object({
  training: learnRates,
  trainingRecomputed: learnRates,
  droppedTraining: learnRates,
  tuning: learnRates,
  tuningRecomputed: learnRates,
  wideTuning: learnRates,
})
/** Training an adapter of rank 16, tuning the coefficients of four with its rank together and with its rank each, through the random 125M Llama in f32 on two threads. */
export const benchLearn = () => v.parse(learnSchema, run(['bench', 'learn', '--config', '125m', '--threads', '2']))

/** An evaluation in a process of its own, so that its peak memory is its own. */
export function evaluateAlone(scratch: string, request: EvaluateRequest): EvaluateOutcome {
  const requestFile = join(scratch, 'request.json')
  writeFileSync(requestFile, JSON.stringify({ ...request, threads: 2 }))
  return v.parse(evaluateOutcomeSchema, run(['evaluate', requestFile]))
}
