/** Owns the set of chosen adapters: made in Library, shown as the tray in every section. Ids stand in the order in which they were chosen. */
export class Selection {
  ids = $state.raw<ReadonlySet<string>>(new Set())
  count = $derived(this.ids.size)

  has(id: string): boolean {
    return this.ids.has(id)
  }

  toggle(id: string): void {
    if (this.ids.has(id)) this.remove([id])
    else this.add([id])
  }

  add(ids: Iterable<string>): void {
    this.ids = new Set([...this.ids, ...ids])
  }

  remove(ids: Iterable<string>): void {
    const gone = new Set(ids)
    this.ids = new Set([...this.ids].filter((id) => !gone.has(id)))
  }

  /** Replaces the whole selection. */
  set(ids: Iterable<string>): void {
    this.ids = new Set(ids)
  }

  clear(): void {
    this.ids = new Set()
  }
}
