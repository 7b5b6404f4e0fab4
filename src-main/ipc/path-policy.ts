import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { Library } from '../library/open-library.ts'
import type { HostPort } from './host-port.ts'

/** Refuses a request that names a path the window may not: neither in a registered folder, chosen or dropped, nor a place of a known adapter or base model. */
export async function refuseForeignPaths(
  host: Pick<HostPort, 'access' | 'kind'>,
  { adapters, bases }: Pick<Library, 'adapters' | 'bases'>,
  paths: readonly string[],
): Promise<void> {
  const allowed = await Promise.all(paths.map((path) => host.access.isAllowed(path)))
  const isKnown = (path: string): boolean => adapters.writes.atPath(path) !== null || bases.atPath(path) !== null
  const foreign = paths.filter((path, index) => allowed[index] !== true && !isKnown(path))
  if (foreign.length > 0) throw new Refusal(foreign.map((path) => notAllowed(path, host.kind)))
}

function notAllowed(path: string, kind: HostPort['kind']): Problem {
  return errorProblem('path-not-allowed', `The window may not use ${path}.`, {
    where: { path },
    hint:
      kind === 'electron'
        ? 'Choose it in a dialog or drop it on the window.'
        : 'Drop the files on the page, or start "amalgam serve" with --root and the folder they lie in.',
  })
}
