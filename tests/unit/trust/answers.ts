import { isProblemCode, type Problem } from '../../../src-main/contract/problems.ts'

/** Longest time that one case may take, in milliseconds. */
const longestMs = 1000

/**
 * Runs `one` for `cases` numbers: it must answer, without throwing, within a second; the problems that it returns must have known codes (and not
 * "internal"), words and a severity. Returns how many cases gave problems with an error.
 */
export async function answersAll(
  cases: number,
  one: (number: number) => readonly Problem[] | Promise<readonly Problem[]>,
): Promise<{ readonly refused: number; readonly accepted: number }> {
  let refused = 0
  for (let number = 0; number < cases; number++) {
    const begun = performance.now()
    let problems: readonly Problem[]
    try {
      problems = await one(number)
    } catch (error) {
      throw new Error(`case ${number} threw`, { cause: error })
    }
    const tookMs = performance.now() - begun
    if (tookMs > longestMs) throw new Error(`case ${number} took ${tookMs} ms`)
    for (const problem of problems) checkProblem(problem, number)
    if (problems.some(({ severity }) => severity === 'error')) refused += 1
  }
  return { refused, accepted: cases - refused }
}

function checkProblem({ code, message, severity }: Problem, number: number): void {
  const sound = isProblemCode(code) && code !== 'internal' && message.length > 0 && ['error', 'warning'].includes(severity)
  if (!sound) throw new Error(`case ${number} answered with ${JSON.stringify({ code, message, severity })}`)
}
