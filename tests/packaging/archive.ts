import { getRawHeader } from '@electron/asar'

/** One file of an archive. */
export interface PackedFile {
  /** With forward slashes, relative to the app. */
  readonly path: string
  readonly sizeBytes: number
  /** True when it lies beside the archive, where plain file calls find it. */
  readonly unpacked: boolean
  /** Electron checks what it reads against this hash. */
  readonly hash: string | null
}

type Node =
  | { readonly files: Readonly<Record<string, Node>> }
  | { readonly link: string }
  | { readonly size: number; readonly unpacked?: boolean; readonly integrity?: { readonly algorithm: string; readonly hash: string } }

/** Every file of an app.asar, sorted by path. */
export function packedFiles(archive: string): readonly PackedFile[] {
  const { header } = getRawHeader(archive)
  return list(header as Node, '').sort((left, right) => (left.path < right.path ? -1 : 1))
}

function list(node: Node, path: string): PackedFile[] {
  if ('files' in node) return Object.entries(node.files).flatMap(([name, child]) => list(child, path === '' ? name : `${path}/${name}`))
  if ('link' in node) throw new Error(`${path} is a link to ${node.link}`)
  return [{ path, sizeBytes: node.size, unpacked: node.unpacked === true, hash: node.integrity?.hash ?? null }]
}
