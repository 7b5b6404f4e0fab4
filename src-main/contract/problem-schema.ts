import * as v from 'valibot'
import { problemTitles, type Problem, type ProblemCode } from './problems.ts'

/** Envelope check of a problem that crosses the bridge. Typed by Problem itself: JSON carries no undefined, so absent parts are absent. */
export const problemSchema = v.object({
  code: v.picklist(Object.keys(problemTitles) as [ProblemCode, ...ProblemCode[]]),
  severity: v.picklist(['error', 'warning']),
  message: v.string(),
  where: v.optional(
    v.object({
      path: v.optional(v.string()),
      tensor: v.optional(v.string()),
      field: v.optional(v.string()),
      value: v.optional(v.string()),
    }),
  ),
  allowed: v.optional(v.array(v.string())),
  hint: v.optional(v.string()),
}) as v.GenericSchema<Problem>
