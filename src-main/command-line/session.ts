import { openCommonPort } from '../host/port.ts'
import { openServices, type Services } from '../ipc/services.ts'
import { createPublisher, type Publisher } from '../ipc/publish.ts'
import type { CommandContext } from './command.ts'

/** The app's services for one command. */
export interface Session {
  readonly services: Services
  readonly onEvent: Publisher['onEvent']
}

/**
 * Opens the library in `libraryFolder` (the app's own one when undefined), does `work` with it and closes it again, whatever becomes of the work.
 * Other Amalgam processes may use the library meanwhile; their jobs and imports are left alone.
 */
export async function withSession<T>(
  libraryFolder: string | undefined,
  context: Pick<CommandContext, 'codeFolder'>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { log, ...common } = openCommonPort({ codeFolder: context.codeFolder, libraryFolder, roots: [], echo: () => undefined })
  const publisher = createPublisher(log)
  try {
    const services = openServices({ ...common, log, preventSleep: () => () => undefined, emit: publisher.emit })
    try {
      await services.queue.tidy()
      return await work({ services, onEvent: publisher.onEvent })
    } finally {
      await services.close()
    }
  } finally {
    publisher.close()
    await log.close()
  }
}
