/** Entry of the worker thread that compares a large plan: resampling thousands of cells takes seconds, for which the main thread must not stand still. */
import { parentPort, workerData } from 'node:worker_threads'
import { comparePlan } from './compare-plan.ts'
import type { PlanOutcomes } from './plan-outcomes.ts'

const { outcomes, baseline } = workerData as { readonly outcomes: PlanOutcomes; readonly baseline: string }
if (!parentPort) throw new Error('compare-worker runs in a worker thread only')
parentPort.postMessage(comparePlan(outcomes, baseline))
