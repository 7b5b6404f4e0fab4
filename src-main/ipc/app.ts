import type { Reply } from '../contract/bridge.ts'
import { createHandlers } from './handlers.ts'
import type { HostPort } from './host-port.ts'
import { createPublisher, type EventListener } from './publish.ts'
import { createDispatch } from './serve.ts'
import { openServices, type Services } from './services.ts'

/** The whole app behind a window: one way in, one way out. */
export interface App {
  /** Answers a request of a window; never rejects. */
  dispatch(name: string, input: unknown): Promise<Reply>
  /** Subscribes to every event; returns the way to unsubscribe. */
  onEvent(listener: EventListener): () => void
  readonly services: Services
  /** Starts importing the demo pool when the library is empty. */
  importDemoIfEmpty(): void
  /** Stops jobs and imports in order and closes the library. May be called once more without harm. */
  close(): Promise<void>
}

/** Opens the library of `host` and takes up what an earlier run left unfinished. Throws a Refusal when the library cannot be opened. */
export function createApp(host: HostPort): App {
  const { log } = host
  const publisher = createPublisher(log)
  const services = openServices({ ...host, emit: publisher.emit })
  const dispatch = createDispatch(createHandlers(services, host), log)
  const saved = services.settings.get().outputFolder
  if (saved !== null) host.access.allow(saved)
  // What an earlier process left is taken up beside the first requests, not before them.
  const takenUp = services.takeUp().catch((error: unknown) => log.error('earlier work could not be taken up', { error: String(error) }))
  let closed: Promise<void> | undefined
  return {
    dispatch,
    onEvent: publisher.onEvent,
    services,
    importDemoIfEmpty() {
      if (services.library.adapters.facets().total === 0) services.importDemo()
    },
    close() {
      return (closed ??= takenUp.then(() => services.close()).finally(() => publisher.close()))
    },
  }
}
