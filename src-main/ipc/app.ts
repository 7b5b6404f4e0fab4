import type { Reply } from '../contract/bridge.ts'
import { Refusal, type Problem } from '../contract/problems.ts'
import { takeWindowLock } from '../library/window-lock.ts'
import { createHandlers } from './handlers.ts'
import type { HostPort } from './host-port.ts'
import { createPublisher, type EventListener, type Publisher } from './publish.ts'
import { damageOf, recoveryHandlers } from './recovery.ts'
import { createDispatch, type Dispatch } from './serve.ts'
import { openServices, type Services } from './services.ts'

/** The whole app behind a window: one way in, one way out. */
export interface App {
  /** Answers a request of a window; never rejects. */
  dispatch(name: string, input: unknown): Promise<Reply>
  /** Subscribes to every event; returns the way to unsubscribe. */
  onEvent(listener: EventListener): () => void
  /** Throws the Refusal for which the library is not open, while it is damaged. */
  readonly services: Services
  /** Starts importing the demo pool when the library is open and empty. */
  importDemoIfEmpty(): void
  /** Stops jobs and imports in order and closes the library. May be called once more without harm. */
  close(): Promise<void>
}

/** The app with its library open, or what answers in its place while that is damaged. */
type State =
  | { readonly kind: 'open'; readonly dispatch: Dispatch; readonly services: Services; close(): Promise<void> }
  | { readonly kind: 'damaged'; readonly dispatch: Dispatch; readonly problem: Problem }

/**
 * Opens the library of `host` and takes up what an earlier run left unfinished; a damaged library is offered to be recovered. Throws a Refusal when
 * the library cannot be opened for another reason, or another window has it open.
 */
export function createApp(host: HostPort): App {
  const publisher = createPublisher(host.log)
  const unlock = takeWindowLock(host.paths.library)
  let state: State
  try {
    state = enter()
  } catch (error) {
    unlock()
    throw error
  }
  let closed: Promise<void> | undefined

  function enter(): State {
    try {
      return openLibraryOf(host, publisher)
    } catch (error) {
      const problem = damageOf(error)
      if (!problem) throw error
      host.log.error('the library is damaged', { problem: problem.message })
      return { kind: 'damaged', problem, dispatch: createDispatch(recoveryHandlers(host, problem, retry), host.log) }
    }
  }

  function retry(): void {
    state = enter()
    if (state.kind === 'damaged') throw new Refusal([state.problem])
  }

  return {
    dispatch: (name, input) => state.dispatch(name, input),
    onEvent: publisher.onEvent,
    get services() {
      if (state.kind === 'damaged') throw new Refusal([state.problem])
      return state.services
    },
    importDemoIfEmpty() {
      if (state.kind === 'open' && state.services.library.adapters.facets().total === 0) state.services.importDemo()
    },
    close() {
      return (closed ??= (state.kind === 'open' ? state.close() : Promise.resolve()).finally(() => {
        publisher.close()
        unlock()
      }))
    },
  }
}

function openLibraryOf(host: HostPort, publisher: Publisher): State {
  const { log } = host
  const services = openServices({ ...host, emit: publisher.emit })
  const saved = services.settings.get().outputFolder
  if (saved !== null) host.access.allow(saved)
  for (const folder of services.settings.get().watchedFolders) host.access.allow(folder)
  // What an earlier process left is taken up beside the first requests, not before them.
  const takenUp = services.takeUp().catch((error: unknown) => log.error('earlier work could not be taken up', { error: String(error) }))
  return {
    kind: 'open',
    services,
    dispatch: createDispatch(createHandlers(services, host), log),
    close: () => takenUp.then(() => services.close()),
  }
}
