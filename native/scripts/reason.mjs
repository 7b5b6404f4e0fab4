// Why there is no native core, kept where native/index.cjs finds it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const fileName = 'reason.json'

/** Says the reason so that it cannot be overlooked, and writes it to `buildDir`. */
export function recordReason(buildDir, reason) {
  mkdirSync(buildDir, { recursive: true })
  writeFileSync(path.join(buildDir, fileName), JSON.stringify({ code: 'native-not-built', reason }, null, 2) + '\n')
  const bar = '*'.repeat(78)
  console.warn(
    `${bar}\nAmalgam's native core was NOT built. Merging will not work until it is.\n\n${reason}\n\n` +
      `Then run: npm rebuild @amalgam/native\n${bar}`,
  )
}

/** Removes the reason of an earlier failure. */
export function clearReason(buildDir) {
  rmSync(path.join(buildDir, fileName), { force: true })
}
