import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { ImportProgress } from '../../src-main/contract/import-report.ts'
import { createImporter } from '../../src-main/library/importer.ts'
import { openLibrary } from '../../src-main/library/open-library.ts'
import { createEngine } from '../../src-main/engine/engine.ts'
import { makeAdapter } from './make-adapter.ts'
import { moduleNames, tinyModules } from './shapes.ts'
import { median, type Trial } from './trial.ts'

const adapters = 1000
const rounds = 3
const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: (message: string, fields?: unknown) => console.error(message, fields),
}

/** The yardstick: one loop that opens each file, reads and parses its header and its config, and does nothing with them. */
function bareLoopSeconds(pool: string): number {
  const started = performance.now()
  let tensors = 0
  for (const name of readdirSync(pool)) {
    const folder = join(pool, name)
    const file = openSync(join(folder, 'adapter_model.safetensors'), 'r')
    const length = Buffer.alloc(8)
    readSync(file, length, 0, 8, 0)
    const header = Buffer.alloc(Number(length.readBigUInt64LE()))
    readSync(file, header, 0, header.length, 8)
    closeSync(file)
    tensors += Object.keys(JSON.parse(header.toString('utf8'))).length
    tensors += Object.keys(JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'))).length
  }
  if (tensors === 0) throw new Error('the benchmark files hold no tensors')
  return (performance.now() - started) / 1000
}

interface Listing {
  readonly seconds: number
  readonly longestStallMs: number
}

/** Seconds from the start of an import until every adapter is a row; the background checks are stopped then. */
async function listSeconds(pool: string, libraryFolder: string): Promise<Listing> {
  await mkdir(libraryFolder, { recursive: true })
  const library = openLibrary({ folder: libraryFolder, log: silent })
  const engine = createEngine({ threads: 1 })
  let listed: (progress: ImportProgress) => void = () => undefined
  const allListed = new Promise<void>((resolve) => {
    listed = ({ stage, total, done }) => {
      if (stage === 'checking' || stage === 'done' || (stage === 'listing' && total === adapters && done === adapters)) resolve()
    }
  })
  const importer = createImporter({
    library,
    inspect: (request, signal) => engine.inspect(request, signal),
    emitChanged: () => undefined,
    emitProgress: (progress) => listed(progress),
    log: silent,
  })
  // Reading threads start with the application, not with the import.
  importer.resumeChecks()
  await new Promise((resolve) => setTimeout(resolve, 500))
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const started = performance.now()
  const { id } = importer.start([pool])
  await allListed
  const seconds = (performance.now() - started) / 1000
  delay.disable()
  const rows = library.adapters.facets().total
  if (rows !== adapters) throw new Error(`${rows} of ${adapters} adapters were listed`)
  if (id) importer.stop(id)
  await importer.close()
  library.close()
  return { seconds, longestStallMs: delay.max / 1e6 }
}

export const importHeaders: Trial = {
  name: 'import',
  summary: `${adapters} adapters with 448-tensor headers listed, against a bare loop that opens each file and parses header and config`,
  async run(scratch) {
    const pool = join(scratch, 'pool')
    const modules = moduleNames(32, tinyModules)
    for (let index = 0; index < adapters; index++) makeAdapter(join(pool, `adapter-${index}`), modules, 2, index + 1)
    bareLoopSeconds(pool)
    const bare: number[] = []
    const listings: Listing[] = []
    for (let round = 0; round < rounds; round++) {
      bare.push(bareLoopSeconds(pool))
      listings.push(await listSeconds(pool, join(scratch, `library-${round}`)))
    }
    return [
      {
        name: 'listed / bare loop',
        value: median(listings.map(({ seconds }) => seconds)) / median(bare),
        unit: 'ratio',
        limit: 1.5,
        note: `medians of ${rounds}`,
      },
      { name: 'listed', value: median(listings.map(({ seconds }) => seconds)), unit: 's' },
      { name: 'bare loop', value: median(bare), unit: 's' },
      { name: 'longest event-loop stall', value: Math.max(...listings.map(({ longestStallMs }) => longestStallMs)), unit: 'ms', limit: 50 },
    ]
  },
}
