import { mkdir, rm } from 'node:fs/promises'
import type { Adaptation } from '../contract/adapt.ts'
import { Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import { readLearnLines } from '../engine/learn-journal.ts'
import type { LearnOutcome, LearnRequest } from '../engine/learn-request.ts'
import { noteLearningRate } from './adapt-rate.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation } from './adapt-types.ts'
import { readGrowing } from './growing-file.ts'
import { createLearnCurve } from './learn-curve.ts'
import { learnRequest, type LearnParts } from './learn-parts.ts'

/** Least time between two looks into the journal, in milliseconds. */
const lookIntervalMs = 500

/** One learning job among those that an adaptation makes. */
export interface LearnPhase {
  /** Of the progress: "learning", or what a phase before it is for. */
  readonly stage: string
  /** Steps of the phases before it. */
  readonly doneBefore: Adaptation['done']
}

/**
 * Learns, and keeps the curve in the library while it does. It goes on from the checkpoint in the folder; one that belongs to another request, as
 * after an update of the app, is left behind and everything begins anew.
 */
export async function runLearning(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  parts: LearnParts,
  phase: LearnPhase = { stage: 'learning', doneBefore: 0 },
): Promise<LearnOutcome> {
  await mkdir(parts.folder, { recursive: true })
  const request = learnRequest(adaptation, parts, services.settings())
  try {
    return await learnOnce(request, adaptation, services, context, phase)
  } catch (error) {
    if (!isOtherCheckpoint(error)) throw error
    context.note('the checkpoint belongs to another request: learning begins anew')
    await rm(request.checkpointFolder, { recursive: true, force: true })
    await rm(request.journalFile, { force: true })
    return learnOnce(request, adaptation, services, context, phase)
  }
}

/** What is to be said of a learning job that did not come to its last step by itself. */
export function remarksOnLearning(outcome: LearnOutcome): LearnRemarks {
  const { text, problems } = remarksOnEnd(outcome)
  const { chosenStep, lastStep } = outcome
  return { text, problems: chosenStep === 0 && lastStep > 0 ? [...problems, noImprovement(lastStep)] : problems }
}

/** How learning ended, in words where that needs some, and what is to be said of it. */
interface LearnRemarks {
  readonly text: string | null
  readonly problems: readonly Problem[]
}

/** Problems of an output that are said better by those of learning: an adapter that changes nothing was not saved too early. */
export function withoutZeroUpdate(problems: readonly Problem[], { chosenStep }: LearnOutcome): readonly Problem[] {
  return chosenStep === 0 ? problems.filter(({ code }) => code !== 'norm-too-small') : problems
}

function noImprovement(lastStep: number): Problem {
  return warningProblem('no-improvement', `None of ${lastStep} steps had a smaller loss than step 0: the result is what it began with.`, {
    where: { field: 'chosenStep', value: '0' },
    hint: 'Try another learning rate, more steps or other adapters; or keep it as the finding that it is.',
  })
}

function remarksOnEnd({ stopped, where, value, lastStep, chosenStep }: LearnOutcome): LearnRemarks {
  const kept = `Step ${chosenStep}, the best until then, is kept.`
  switch (stopped) {
    case 'done':
      return { text: null, problems: [] }
    case 'asked':
      return { text: `ended after step ${lastStep}, as asked for`, problems: [] }
    case 'diverged': {
      const text = `diverged at step ${lastStep} with a loss of ${value === null ? 'no finite size' : value.toPrecision(4)}`
      const hint = 'Take a smaller learning rate, or a longer warm-up.'
      const place = { where: { field: 'params.learningRate', value: value === null ? 'not finite' : String(value) }, hint }
      return { text, problems: [warningProblem('loss-diverged', `Learning ${text}. ${kept}`, place)] }
    }
    case 'not-finite': {
      const isLoss = where === null || where === 'loss'
      const text = isLoss
        ? `ended at step ${lastStep}: the loss is not finite`
        : `ended at step ${lastStep}: a gradient of ${where} is not finite`
      const detail = { ...(isLoss ? {} : { where: { tensor: where } }), hint: 'Take a smaller learning rate; look at norms in Inspect.' }
      return { text, problems: [warningProblem(isLoss ? 'loss-not-finite' : 'gradient-not-finite', `Learning ${text}. ${kept}`, detail)] }
    }
  }
}

async function learnOnce(
  request: LearnRequest,
  adaptation: ResolvedAdaptation,
  { engine, runs }: Pick<AdaptServices, 'engine' | 'runs'>,
  context: AdaptContext,
  { stage, doneBefore }: LearnPhase,
): Promise<LearnOutcome> {
  const journal = readGrowing(request.journalFile)
  const curve = createLearnCurve()
  let looked = -Infinity
  const look = (): void => {
    curve.add(readLearnLines(journal.next()))
    looked = performance.now()
    const best = request.choose === 'validation' ? curve.best : null
    context.update({
      ...{ curve: curve.points, done: doneBefore + curve.step, startLoss: curve.start },
      ...{ chosenStep: best?.step ?? null, chosenLoss: best?.loss ?? null },
    })
  }
  const outcome = await engine.learn(request, {
    signal: context.signal,
    onProgress(told) {
      // The journal of an earlier process is cut to its checkpoint before this stage begins.
      if (told.stage === 'learning' && performance.now() - looked > lookIntervalMs) look()
      const detail = `step ${Math.round(told.fraction * request.steps)} of ${request.steps}`
      context.report(told.stage === 'learning' ? { ...told, stage, detail } : told)
    },
  })
  look()
  const { tokens, seconds, loadSeconds, startLoss, chosenStep, chosenLoss, lastStep, parameters, estimate, peakBytes } = outcome
  noteLearningRate({ runs }, adaptation, tokens, seconds - loadSeconds)
  context.update({ startLoss, chosenStep, chosenLoss, done: doneBefore + lastStep })
  context.note(`${parameters} numbers learned in ${lastStep} steps, ${tokens} tokens, ${seconds.toFixed(1)} s; step ${chosenStep} is kept`)
  context.note(`memory planned: ${estimate.total} bytes of ${estimate.free} free; at most ${peakBytes} were used`)
  return outcome
}

function isOtherCheckpoint(error: unknown): boolean {
  return error instanceof Refusal && error.problems.some(({ code }) => code === 'checkpoint-invalid')
}
