/** Golden trajectories of learning (make_golden.py), run by the addon's job "learn". */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parse } from 'valibot'
import { readLearnLines } from '../../src-main/engine/learn-journal.ts'
import { learnOutcomeSchema, type LearnAdapter, type LearnExample, type LearnRequest } from '../../src-main/engine/learn-request.ts'
import { readGoldenBatch } from './golden-models.ts'
import type { Tensor } from './safetensors.ts'

interface Addon {
  startJob(kind: string, request: string, onProgress: (progress: string) => void): { readonly promise: Promise<string> }
}

/** The labelled tokens of a golden batch as answers. */
export function goldenExamples(tensors: ReadonlyMap<string, Tensor>): LearnExample[] {
  const { sequences, unlabelled } = readGoldenBatch(tensors)
  return sequences.map((sequence, i) => ({ prompt: sequence.slice(0, unlabelled[i]), answer: sequence.slice(unlabelled[i]), group: 0 }))
}

/** What a golden trajectory says of itself; everything else is the same for all of them. */
export interface Trajectory extends Pick<LearnRequest, 'coefficients' | 'optimiser' | 'steps'> {
  readonly model: string
  readonly adapters: readonly LearnAdapter[]
  readonly examples: readonly LearnExample[]
  /** Where the job may write; new for each. */
  readonly folder: string
}

/** Learns from all examples in every step, in their order, and takes the last step: its result, the loss before every step, and the file of factors. */
export async function learnTrajectory({ folder, examples, ...trajectory }: Trajectory) {
  const request: LearnRequest = {
    ...trajectory,
    device: 'cpu',
    memoryBytes: 0,
    passTokens: 4096,
    passExamples: 64,
    recompute: 'auto',
    objective: { kind: 'cross_entropy', temperature: 1, l1: 0 },
    train: examples,
    validation: examples,
    order: 'given',
    batch: examples.length,
    validateEvery: trajectory.steps,
    choose: 'last',
    seed: 1,
    checkpointFolder: join(folder, 'checkpoint'),
    checkpointEvery: 0,
    stopFile: join(folder, 'stop'),
    journalFile: join(folder, 'journal.jsonl'),
    outFile: join(folder, 'out.safetensors'),
  }
  const addon = createRequire(import.meta.url)('@amalgam/native') as Addon
  const result = await addon.startJob('learn', JSON.stringify({ ...request, threads: 2 }), () => {}).promise
  const lines = readLearnLines(readFileSync(request.journalFile, 'utf8'))
  const losses = lines.flatMap((line) => ('trainLoss' in line ? [line.trainLoss ?? NaN] : []))
  return { outcome: parse(learnOutcomeSchema, JSON.parse(result)), losses, outFile: request.outFile }
}

/** The largest distance between two lists, NaN where they are not equally long or one has a NaN. */
export function largestDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return NaN
  let largest = 0
  for (let i = 0; i < actual.length; i++) {
    const distance = Math.abs(actual[i]! - expected[i]!)
    if (!(distance <= largest)) largest = distance
    if (Number.isNaN(distance)) return NaN
  }
  return largest
}
