import { errorProblem, isProblemCode, Refusal, type Problem } from '../contract/problems.ts'

/** What the addon puts on the Errors it throws (codes: contract/problems.ts). */
interface NativeError extends Error {
  readonly code?: unknown
  readonly path?: unknown
  readonly tensor?: unknown
  readonly hint?: unknown
}

/** A Refusal for an Error with a known code; anything else comes back as it is, because it is a defect and not an answer. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code, path, tensor, hint, message } = error as NativeError
  if (!isProblemCode(code)) return error
  const where = { ...(typeof path === 'string' && path !== '' && { path }), ...(typeof tensor === 'string' && tensor !== '' && { tensor }) }
  return new Refusal([
    errorProblem(code, message, {
      ...(Object.keys(where).length > 0 && { where }),
      ...(typeof hint === 'string' && hint !== '' && { hint }),
    }),
  ])
}

/** The problem of a core that is not built, with the reason that the build recorded. */
export function notBuiltProblem(reason: string): Problem {
  return errorProblem('native-not-built', `The native core cannot be used: ${reason}`, {
    hint: 'Install g++, make and cmake, then run: npm rebuild @amalgam/native',
  })
}

/** The refusal of work that was cancelled. */
export function cancelledRefusal(): Refusal {
  return new Refusal([errorProblem('cancelled', 'The work was cancelled.')])
}
