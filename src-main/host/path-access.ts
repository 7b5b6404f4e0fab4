import { realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { PathAccess } from '../ipc/host-port.ts'

/** The path policy of a host: what lies in `roots`, or was allowed later, with every symbolic link followed on both sides. */
export function createPathAccess(roots: readonly string[]): PathAccess {
  const allowed = new Set(roots.map((root) => resolve(root)))
  return {
    allow: (path) => void allowed.add(resolve(path)),
    async isAllowed(path) {
      if (!isAbsolute(path) || path.includes('\0')) return false
      const real = await realPathOf(resolve(path))
      if (real === null) return false
      const roots = await Promise.all([...allowed].map(realPathOf))
      return roots.some((root) => root !== null && isInside(root, real))
    },
  }
}

/** True when `path` is `folder` or lies under it; both absolute and normalised. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** The path with links followed, null where that is not possible; an end that does not exist yet is put back onto the real path of what does. */
async function realPathOf(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return null
    const parent = dirname(path)
    if (parent === path) return null
    const realParent = await realPathOf(parent)
    return realParent === null ? null : join(realParent, basename(path))
  }
}
