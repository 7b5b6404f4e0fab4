import { checkExport } from '../jobs/export-plan.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

/** Requests of exporting: what a tool says of an adapter, and the job that writes it for that tool. */
export function exportHandlers(
  services: Pick<Services, 'adapterOf' | 'queue'>,
  permitted: (...paths: readonly string[]) => Promise<void>,
): Pick<Handlers, 'export.check' | 'export.start'> {
  return {
    'export.check': ({ id, profile }) => checkExport(services.adapterOf(id), profile),
    'export.start': async ({ id, folder, profile, padTo }) => {
      await permitted(folder)
      return services.queue.start('export', { adapter: id, folder, profile, padTo })
    },
  }
}
