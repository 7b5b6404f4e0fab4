import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Problem } from '../contract/problems.ts'
import { parseRecipe } from '../recipes/parse-recipe.ts'
import { ablationHandlers } from './ablation-handlers.ts'
import { adaptHandlers } from './adapt-handlers.ts'
import { baseHandlers } from './base-handlers.ts'
import { bundleHandlers } from './bundle-handlers.ts'
import { describeApp } from './describe-app.ts'
import { evaluateHandlers } from './evaluate-handlers.ts'
import { exportHandlers } from './export-handlers.ts'
import type { HostPort } from './host-port.ts'
import { inspectHandlers } from './inspect-handlers.ts'
import { libraryToolHandlers } from './library-tool-handlers.ts'
import { refuseForeignPaths } from './path-policy.ts'
import { planHandlers } from './plan-handlers.ts'
import { planResultHandlers } from './plan-result-handlers.ts'
import { reportHandlers } from './report-handlers.ts'
import { resultHandlers } from './result-handlers.ts'
import { runListHandlers } from './run-list-handlers.ts'
import { nothingToRecover } from './recovery.ts'
import { draftText } from './draft-text.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'
import { taskHandlers } from './task-handlers.ts'

/** What answers each request: a line or two each; what needs more is a function elsewhere. */
export function createHandlers(services: Services, host: HostPort): Handlers {
  const { settings, library, importer, queue, previewer } = services
  const { adapters } = library
  const permitted = (...paths: readonly string[]): Promise<void> => refuseForeignPaths(host, library, paths)
  /** Rows changed by an edit: the other windows hear of it too. */
  const edited = (ids: readonly string[], problems: readonly Problem[]): { readonly problems: readonly Problem[] } => {
    services.emit('library.changed', { ids: [...ids] })
    return { problems }
  }
  return {
    'app.info': () => describeApp(services, host),
    'app.reveal': async ({ path }) => {
      await permitted(path)
      await host.reveal(path)
      return { problems: [] }
    },
    'app.pickFolder': ({ title }) => host.pickFolder(title),
    'app.licences': () => readFile(join(host.paths.resources, 'licenses', 'THIRD-PARTY.txt'), 'utf8'),
    'settings.get': () => settings.get(),
    'settings.set': async ({ settings: patch }) => {
      await permitted(...(patch.outputFolder ? [patch.outputFolder] : []), ...(patch.watchedFolders ?? []))
      return services.changeSettings(patch)
    },
    ...nothingToRecover,

    'library.list': (query) => adapters.list(query),
    'library.ids': (query) => adapters.ids(query),
    'library.facets': () => adapters.facets(),
    'library.get': async ({ id }) => {
      await importer.rescan([id])
      return adapters.get(id)
    },
    'library.byIds': ({ ids }) => adapters.byIds(ids),
    'library.import': async ({ paths }) => {
      await permitted(...paths)
      return importer.start(paths)
    },
    'library.pickAndImport': async () => {
      const paths = await host.pickAdapters()
      return paths.length > 0 ? importer.start(paths) : { id: null, problems: [] }
    },
    'library.importDemo': () => services.importDemo(),
    'library.stopImport': ({ id }) => ({ problems: importer.stop(id) }),
    'library.lastImport': () => importer.lastReport(),
    'library.rescan': () => importer.rescan(),
    'library.setName': ({ id, name }) => edited([id], adapters.setName(id, name)),
    'library.setNotes': ({ id, notes }) => edited([id], adapters.setNotes(id, notes)),
    'library.setFavourite': ({ ids, favourite }) => edited(ids, adapters.setFavourite(ids, favourite)),
    'library.editTags': ({ ids, add, remove }) => {
      const problems = adapters.editTags(ids, add, remove)
      services.emit('library.toolsChanged', {})
      return edited(ids, problems)
    },
    'library.remove': ({ ids }) => edited(ids, adapters.remove(ids)),
    ...libraryToolHandlers(services, permitted),
    ...inspectHandlers(services),
    ...exportHandlers(services, permitted),
    ...evaluateHandlers(services),
    ...adaptHandlers(services),
    ...taskHandlers(services, host, permitted),
    ...baseHandlers(services, host, permitted),
    ...resultHandlers(services),
    ...planHandlers(services),
    ...planResultHandlers(services),
    ...ablationHandlers(services),
    ...reportHandlers(services, permitted),
    ...runListHandlers(services),
    ...bundleHandlers(services, host, permitted),

    'merge.preview': ({ recipe }) => previewer.preview(recipe),
    'merge.recipeText': ({ recipe }) => draftText(recipe, adapters),
    'merge.readRecipe': ({ text }) => {
      const { recipe, problems } = parseRecipe(text)
      return { recipe, problems }
    },
    'merge.start': ({ recipe }) => queue.start('merge', { recipe }),

    'jobs.list': () => queue.list(),
    'jobs.get': ({ id }) => queue.get(id),
    'jobs.cancel': ({ id }) => ({ problems: queue.cancel(id) }),
    'jobs.runAgain': ({ id }) => queue.runAgain(id),
    'jobs.remove': ({ id }) => ({ problems: queue.remove(id) }),
  }
}
