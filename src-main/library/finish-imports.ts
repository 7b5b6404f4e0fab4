import { refreshedItem } from './import-adapter.ts'
import type { Library } from './open-library.ts'

/** Ends the reports of imports that an earlier process left unfinished (all but `running`), with their items as they are now. */
export function finishLeftImports({ adapters, imports, now }: Library, running: ReadonlySet<string>): void {
  for (const { seq, id } of imports.unfinished()) {
    if (running.has(id)) continue
    adapters.writes.together(() => {
      imports.items(seq).forEach((item, position) => imports.put(seq, position, refreshedItem(adapters, item)))
      imports.finish(seq, now().toISOString())
    })
  }
}
