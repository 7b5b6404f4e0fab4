import * as v from 'valibot'
import { readJsonLines } from './json-lines.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const finite = v.pipe(v.number(), v.finite())
/** Counted from the beginning of the job, earlier processes included. */
const spent = { seconds: finite, tokens: count }

/** The loss of the validation examples after so many steps, 0 for the beginning; null when it was not finite. */
export const validationLineSchema = v.object({ step: count, validationLoss: v.nullable(finite), ...spent })
/** A step, counted from 1: the loss of its examples before it, the rate it was made with and the norm of the gradients before clipping. */
export const stepLineSchema = v.object({
  step: v.pipe(count, v.minValue(1)),
  trainLoss: v.nullable(finite),
  rate: finite,
  gradientNorm: v.nullable(finite),
  ...spent,
})

/** One line of a learning job's journal; which it is shows by the members it has. */
export const learnLineSchema = v.union([validationLineSchema, stepLineSchema])
export type ValidationLine = v.InferOutput<typeof validationLineSchema>
export type StepLine = v.InferOutput<typeof stepLineSchema>
export type LearnLine = v.InferOutput<typeof learnLineSchema>

/**
 * The lines of a learning job's journal. A last line that does not end was torn by a crash and is left out.
 * Any other line that is not what the core writes is thrown as an Error that names it.
 */
export function readLearnLines(text: string): readonly LearnLine[] {
  return readJsonLines(text, learnLineSchema, "learning job's journal")
}
