import * as v from 'valibot'
import { agreementSchema } from './comparison.ts'
import { cellResultSchema, planCheckSchema, planDetailSchema, planOutcomeSchema, planSummarySchema, reportFormats } from './plan-run.ts'
import { problemSchema } from './problem-schema.ts'
import { draft, ids, nothing, outcome, page } from './request-parts.ts'
import { runRefSchema, runRowSchema, runsComparisonSchema, runsQuerySchema } from './runs-list.ts'

/** Requests of plans: part of the one list in bridge.ts. */
export const planRequests = {
  /** Reads a draft (text of a file, or the form's object), and says what it would run. Nothing is started. */
  'plans.check': { input: v.object({ draft }), output: planCheckSchema },
  /** Keeps the plan and runs its cells one after the other. */
  'plans.start': { input: v.object({ draft }), output: v.object({ planId: v.nullable(v.string()), problems: v.array(problemSchema) }) },
  /** Goes on with a plan that was stopped: the cells given (all open and failed ones when none is); `again` runs them anew although they are done. */
  'plans.run': {
    input: v.object({ planId: v.string(), cells: v.optional(v.array(v.string()), []), again: v.optional(v.boolean(), false) }),
    output: outcome,
  },
  /** Ends after 200 ms at most; what is done stays. */
  'plans.stop': { input: v.object({ planId: v.string() }), output: outcome },
  /** Newest first, archived ones too. */
  'plans.list': { input: nothing, output: v.array(planSummarySchema) },
  /** With comparisons to the pinned baseline, or to the arm `baseline`. */
  'plans.get': {
    input: v.object({ planId: v.string(), baseline: v.optional(v.nullable(v.string()), null) }),
    output: v.nullable(planDetailSchema),
  },
  /** One cell's result without the outcomes of its examples (`exampleIds`, `values` and `predictions` are empty): selection, coefficients, curve, provenance. */
  'plans.cell': { input: v.object({ planId: v.string(), cell: v.string() }), output: v.nullable(cellResultSchema) },
  /** Test examples of one task with the answers of arms: those that all of `right` get right and none of `wrong` does. */
  'plans.outcomes': {
    input: v.object({
      planId: v.string(),
      task: v.string(),
      budget: v.union([v.number(), v.literal('all')]),
      seed: v.number(),
      arms: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(60)),
      right: v.optional(v.array(v.string()), []),
      wrong: v.optional(v.array(v.string()), []),
      text: v.optional(v.string(), ''),
      ...page,
    }),
    output: v.object({ rows: v.array(planOutcomeSchema), total: v.number() }),
  },
  'plans.agreement': {
    input: v.object({
      planId: v.string(),
      task: v.string(),
      budget: v.union([v.number(), v.literal('all')]),
      seed: v.number(),
    }),
    output: v.nullable(agreementSchema),
  },
  /** Evaluates the merge of a cell without each of its adapters; the result is in plans.get. */
  'plans.ablate': { input: v.object({ planId: v.string(), cell: v.string() }), output: outcome },
  'plans.setArchived': { input: v.object({ planIds: ids, archived: v.boolean() }), output: outcome },
  'plans.pinBaseline': { input: v.object({ planId: v.string(), arm: v.nullable(v.string()) }), output: outcome },
  /** Forgets plans and their results; adapters stay. */
  'plans.remove': { input: v.object({ planIds: ids }), output: outcome },
  /** The report as one text in one of its forms (csv: the table of estimates and differences). */
  'plans.report': {
    input: v.object({ planId: v.string(), format: v.picklist(reportFormats) }),
    output: v.object({ text: v.nullable(v.string()), fileName: v.string(), problems: v.array(problemSchema) }),
  },
  /** Writes all forms of the report into a new folder inside `folder` (null: where outputs go), and answers with its path. */
  'plans.writeReport': {
    input: v.object({ planId: v.string(), folder: v.nullable(v.string()) }),
    output: v.object({ path: v.nullable(v.string()), files: v.array(v.string()), problems: v.array(problemSchema) }),
  },
  /** Writes a plan with its results, without weights, as one zip file into `folder` (null: where outputs go). */
  'plans.writeBundle': {
    input: v.object({ planId: v.string(), folder: v.nullable(v.string()) }),
    output: v.object({ path: v.nullable(v.string()), problems: v.array(problemSchema) }),
  },
  /** Reads such a file. */
  'plans.readBundle': {
    input: v.object({ path: v.string() }),
    output: v.object({ planId: v.nullable(v.string()), problems: v.array(problemSchema) }),
  },
  /** Asks the host for the file first; null when the person closed the dialog. */
  'plans.pickBundle': { input: nothing, output: v.object({ planId: v.nullable(v.string()), problems: v.array(problemSchema) }) },
} as const

/** Requests of the section Runs: part of the one list in bridge.ts. */
export const runListRequests = {
  'runs.list': { input: runsQuerySchema, output: v.object({ rows: v.array(runRowSchema), total: v.number() }) },
  'runs.compare': {
    input: v.object({ runs: v.pipe(v.array(runRefSchema), v.minLength(1), v.maxLength(50)) }),
    output: runsComparisonSchema,
  },
  'runs.setArchived': {
    input: v.object({ runs: v.pipe(v.array(runRefSchema), v.minLength(1), v.maxLength(20000)), archived: v.boolean() }),
    output: outcome,
  },
  /** null: nothing is pinned. */
  'runs.pin': { input: v.object({ run: v.nullable(runRefSchema) }), output: outcome },
} as const
