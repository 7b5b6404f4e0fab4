export const electronFiles: readonly string[]
export const layers: Readonly<Record<'src-main' | 'src-renderer' | 'native', ReadonlyMap<string, ReadonlySet<string>>>>
export function layerOf(pathInTree: string): string
