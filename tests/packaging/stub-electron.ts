import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Marks the fuses in Electron's binary; what follows is a version, their number and one letter for each. */
const fuseMarker = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
/** The fuses of Electron 45 as it is delivered: 1 on, 0 off. */
const deliveredFuses = '101100011'

/** A folder that electron-builder takes for an Electron distribution for Linux: no program in it runs, but its fuses can be flipped. */
export function makeStubElectron(folder: string): void {
  mkdirSync(join(folder, 'resources'), { recursive: true })
  mkdirSync(join(folder, 'locales'))
  const fuses = [Buffer.from('no program'), Buffer.from(fuseMarker), Buffer.from([1, deliveredFuses.length]), Buffer.from(deliveredFuses)]
  writeFileSync(join(folder, 'electron'), Buffer.concat([...fuses, Buffer.from('end')]), { mode: 0o755 })
  for (const name of ['LICENSE', 'LICENSES.chromium.html', 'version', 'locales/en-US.pak', 'locales/de.pak'])
    writeFileSync(join(folder, name), `${name} of the stub\n`)
}
