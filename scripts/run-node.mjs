/**
 * Starts the Node that Amalgam runs on, whatever Node started the script: the `node` package carries it. Plain JavaScript that an old Node reads.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Lowest version whose type stripping and module hooks the app uses. */
const lowest = [24, 2]

const isSuitable = (version) => {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  return major > lowest[0] || (major === lowest[0] && minor >= lowest[1])
}

/** Absolute path of a suitable Node; ends the process with one line when there is none. */
export function findNode() {
  if (isSuitable(process.versions.node)) return process.execPath
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const carried = join(root, 'node_modules', 'node', 'bin', name)
  const version = existsSync(carried) ? String(spawnSync(carried, ['--version'], { encoding: 'utf8' }).stdout ?? '') : ''
  if (isSuitable(version.trim())) return carried
  console.error(
    `Amalgam runs on Node ${lowest.join('.')} or newer; this is ${process.version}, and ${carried} is not there. Run "npm ci" first.`,
  )
  process.exit(2)
}

/** Runs Node with these arguments, hands it this terminal, passes signals on, and ends with its exit code. */
export function runNode(parameters, environment = process.env) {
  const child = spawn(findNode(), parameters, { stdio: 'inherit', env: environment })
  // A terminal sends Ctrl+C to the whole group; waiting for the child lets it end its work in order.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal))
  child.on('error', (error) => {
    console.error(`Node could not be started: ${error.message}`)
    process.exit(2)
  })
  child.on('exit', (code, signal) => process.exit(signal ? 3 : (code ?? 3)))
}
