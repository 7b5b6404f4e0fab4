/** A file below what was dropped, with its path inside the drop ("pool/sentiment-r16/adapter_config.json"). */
export interface FoundFile {
  readonly path: string
  readonly file: File
}

export interface UploadProgress {
  readonly files: number
  readonly filesTotal: number
  readonly bytes: number
  readonly bytesTotal: number
}

/** Files an import looks at; everything else in a folder (optimizer states, caches, images) is not copied. */
export function isWanted(path: string): boolean {
  const name = path.split('/').at(-1)?.toLowerCase() ?? ''
  if (name.endsWith('.safetensors') || name === 'adapter_config.json' || name === 'readme.md') return true
  // Pickle weights are copied so that the import can list and name them; they are never opened.
  return /^(adapter_model|pytorch_lora_weights|pytorch_model)\.(bin|pt|pth)$/.test(name)
}

/** Every wanted file below the dropped items, folders followed to any depth. */
export async function filesOfDrop(items: DataTransferItemList): Promise<readonly FoundFile[]> {
  // Entries must be taken before the first await: the list is emptied when the drop event ends.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  const found = await Promise.all(entries.map(filesBelow))
  return found.flat()
}

/** Every wanted file of a folder chosen through a file input. */
export function filesOfInput(files: FileList): readonly FoundFile[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })).filter(({ path }) => isWanted(path))
}

async function filesBelow(entry: FileSystemEntry): Promise<readonly FoundFile[]> {
  const path = entry.fullPath.replace(/^\//, '')
  if (entry.isFile) {
    if (!isWanted(path)) return []
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ path, file }]
  }
  const children = await childrenOf(entry as FileSystemDirectoryEntry)
  return (await Promise.all(children.map(filesBelow))).flat()
}

async function childrenOf(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  // A reader answers with a part at a time and with nothing at the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (part.length === 0) return all
    all.push(...part)
  }
}

/** Copies files to the host one after the other; answers with the drop's folder there, or null when it was stopped. */
export async function uploadAll(
  files: readonly FoundFile[],
  upload: (drop: string, path: string, file: File) => Promise<string>,
  signal: AbortSignal,
  onProgress: (progress: UploadProgress) => void,
): Promise<string | null> {
  const drop = crypto.randomUUID()
  const bytesTotal = files.reduce((sum, { file }) => sum + file.size, 0)
  let folder: string | null = null
  let bytes = 0
  for (const [index, { path, file }] of files.entries()) {
    if (signal.aborted) return null
    onProgress({ files: index, filesTotal: files.length, bytes, bytesTotal })
    folder = await upload(drop, path, file)
    bytes += file.size
  }
  return folder
}
