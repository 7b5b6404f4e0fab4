import { Refusal, type Problem } from '../contract/problems.ts'
import type { HostPort } from './host-port.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type BaseRequest = `bases.${'list' | 'add' | 'pickAndAdd' | 'addDemo' | 'rename' | 'remove' | 'matches'}`

const demoName = 'Demo model'

/** Requests of base models: adding them by folder, their facts, and which adapters fit. */
export function baseHandlers(
  services: Pick<Services, 'library' | 'bases' | 'demoBase' | 'emit'>,
  host: Pick<HostPort, 'pickFolder'>,
  permitted: (...paths: readonly string[]) => Promise<void>,
): Pick<Handlers, BaseRequest> {
  const { library, bases, emit } = services
  const changed = (problems: readonly Problem[]) => {
    emit('bases.changed', {})
    return { problems }
  }
  return {
    'bases.list': () => bases.list(),
    'bases.add': async ({ path }) => {
      await permitted(path)
      return bases.add(path)
    },
    'bases.pickAndAdd': async () => {
      const folder = await host.pickFolder('Choose the folder of a base model')
      return folder === null ? { id: null, problems: [] } : bases.add(folder)
    },
    'bases.addDemo': async () => {
      const added = await bases.add(services.demoBase)
      // Its folder's name says nothing in a list.
      if (added.id !== null) changed(library.bases.rename(added.id, demoName))
      return added
    },
    'bases.rename': ({ id, name }) => changed(library.bases.rename(id, name)),
    'bases.remove': ({ id }) => {
      const problems = library.bases.remove(id)
      emit('runs.changed', { baseId: id })
      return changed(problems)
    },
    'bases.matches': async ({ id }) => {
      await library.bases.readShapes()
      const matches = library.bases.matches(id)
      if ('code' in matches) throw new Refusal([matches])
      return matches
    },
  }
}
