import { startWebHost } from '../host/web.ts'
import { exitCodes, outcome, type Command } from './command.ts'

/** `serve`: the app for a browser on this machine, until Ctrl+C. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'Serve the window on 127.0.0.1, for a browser on this machine.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    { name: 'port', value: 'PORT', help: 'The port; any free one when not given.' },
    { name: 'root', value: 'DIR', repeatable: true, help: 'A folder whose adapters may be imported by path.' },
    { name: 'demo', help: 'Fill an empty library with the demo pool.' },
  ],
  notes: () => ['The printed address holds a token: who has it can use the library. From another machine, forward the port through ssh.'],
  async run(given, context) {
    const port = Number(given.value('port') ?? 0)
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      context.remark(`--port is "${given.value('port')}". Allowed: a whole number from 0 to 65535.`)
      return { ...outcome(undefined, []), exitCode: exitCodes.usage }
    }
    const host = await startWebHost({
      codeFolder: context.codeFolder,
      libraryFolder: given.value('library'),
      roots: given.values('root'),
      echo: context.remark,
      port,
      demo: given.has('demo'),
    })
    context.print(given.has('json') ? JSON.stringify({ url: host.url }) : `Amalgam is at ${host.url}`)
    if (!context.signal.aborted) await new Promise((stop) => context.signal.addEventListener('abort', stop))
    await host.close()
    return outcome(undefined, [])
  },
}
