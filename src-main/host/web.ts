import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { createApp } from '../ipc/app.ts'
import type { HostPort } from '../ipc/host-port.ts'
import { openCommonPort, type PortOptions } from './port.ts'
import { createInbox } from './upload.ts'
import { startWebServer } from './web-server.ts'

export interface WebHostOptions extends PortOptions {
  /** 0 takes any free port. */
  readonly port: number
  /** Fill an empty library with the demo pool. */
  readonly demo: boolean
}

/** The app on the loopback address, for a browser. */
export interface WebHost {
  /** Carries the token in its fragment. */
  readonly url: string
  close(): Promise<void>
}

/** Starts the web host. Throws a Refusal when the library cannot be opened, the window is not built or the port is taken. */
export async function startWebHost(options: WebHostOptions): Promise<WebHost> {
  const { log, ...common } = openCommonPort(options)
  const { inbox, renderer } = common.paths
  if (!existsSync(join(renderer, 'index.html'))) throw notBuilt(renderer)
  const port: HostPort = { ...common, ...withoutDesktop, log }
  const app = createApp(port)
  const close = async (): Promise<void> => {
    await app.close()
    await log.close()
  }
  try {
    if (options.demo) await app.importDemoIfEmpty()
    const server = await startWebServer({ app, inbox: createInbox(inbox), log, renderer, port: options.port })
    log.info('web host started', { port: server.port, library: common.paths.library })
    return {
      url: server.url,
      async close() {
        await server.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw explained(error, options.port)
  }
}

/** What a browser tab has none of: dialogs, a file manager, a say in when the machine sleeps. */
const withoutDesktop = {
  kind: 'web',
  canPick: false,
  pickFolder: async () => null,
  pickFile: async () => null,
  pickAdapters: async () => [],
  reveal: async () => undefined,
  preventSleep: () => () => undefined,
} as const satisfies Partial<HostPort>

function notBuilt(renderer: string): Refusal {
  return new Refusal([
    errorProblem('file-missing', 'The window is not built.', { where: { path: renderer }, hint: 'Run "npm run build" once.' }),
  ])
}

function explained(error: unknown, port: number): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const message = code === 'EADDRINUSE' ? `Port ${port} is already in use.` : `Port ${port} may not be used.`
  return new Refusal([
    errorProblem('request-invalid', message, {
      where: { field: 'port', value: String(port) },
      hint: 'Choose another with --port, or leave it out for any free one.',
    }),
  ])
}
