// Runs the native tests and adds them up.
import { spawnSync } from 'node:child_process'
import os from 'node:os'

const summaryLine = /^(?:\d+: )?(\w+): (\d+) passed, (\d+) failed, (\d+) skipped$/gm

/**
 * The C++ tests of a build folder, by ctest. Returns one row per executable: `{ name, passed, failed, skipped }`; an
 * executable that ended without its summary line counts as one failed test.
 */
export function runCoreTests(buildDir) {
  const result = spawnSync('ctest', ['--test-dir', buildDir, '--verbose', '--parallel', String(os.availableParallelism())], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (result.error) throw result.error
  const rows = [...result.stdout.matchAll(summaryLine)].map((match) => ({
    name: match[1],
    passed: Number(match[2]),
    failed: Number(match[3]),
    skipped: Number(match[4]),
  }))
  const broken = [...result.stdout.matchAll(/Test\s+#\d+: (\w+) \.+\s*\*\*\*(.*?)\s+[\d.]+ sec/g)]
  for (const [, name, words] of broken) {
    if (!rows.some((row) => row.name === name && row.failed > 0))
      rows.push({ name: `${name} (${words.trim()})`, passed: 0, failed: 1, skipped: 0 })
  }
  if (rows.length === 0) rows.push({ name: 'ctest found no test', passed: 0, failed: 1, skipped: 0 })
  if (result.status !== 0) console.log(result.stdout)
  else for (const match of result.stdout.matchAll(/^\d+: (skipped: .*)$/gm)) console.log(match[1])
  if (result.stderr.trim()) console.error(result.stderr.trim())
  return rows
}

/** Prints each row and the sum as the last line; returns the exit status. */
export function printSummary(rows) {
  const words = (row) => `${row.passed} passed, ${row.failed} failed, ${row.skipped} skipped`
  for (const row of rows) console.log(`  ${row.name}: ${words(row)}`)
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const row of rows) for (const key of Object.keys(sum)) sum[key] += row[key]
  console.log(`native: ${words(sum)}`)
  return sum.failed === 0 && sum.passed > 0 ? 0 : 1
}
