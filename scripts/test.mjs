/**
 * npm test: runs every check in order and ends with one plain line, "N passed, N failed, N skipped", summed over all runners.
 * `node scripts/test.mjs NAME...` runs only the named steps.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const node = join(bin, 'node')
const scratch = mkdtempSync(join(tmpdir(), 'amalgam-test-'))

/** Steps that each take one core and nothing else: neighbours among them run two at a time, and say what they have to say when they end. */
const quiet = ['types', 'svelte', 'lint', 'format']

/** Every step: what it runs and how its result is counted. */
const steps = {
  types: () => single(join(bin, 'tsc'), ['-p', 'tsconfig.json']),
  svelte: () => single(join(bin, 'svelte-check'), ['--tsconfig', 'tsconfig.json', '--fail-on-warnings']),
  lint: () => single(join(bin, 'eslint'), ['--max-warnings', '0', '.']),
  format: () => single(join(bin, 'prettier'), ['--check', '--log-level', 'warn', '.']),
  native: () => closingLine('native', node, ['native/build.mjs', '--tests']),
  sanitize: () => closingLine('native', node, ['native/build.mjs', '--sanitize']),
  addon: () => nodeTests('addon', 'tests/native/addon/*.test.mjs'),
  unit: () => vitest('unit', ['tests/unit', 'tests/contract']),
  golden: () => vitest('golden', ['tests/golden']),
  build: () => single(join(bin, 'electron-vite'), ['build', '--logLevel', 'warn']),
  e2e: () => closingLine('e2e', node, ['tests/e2e/run.ts']),
  trust: () => closingLine('trust', node, ['tests/trust/run.ts']),
  package: () => closingLine('package', node, ['tests/packaging/run.ts']),
}

/** `output` is what a command prints: shown as it comes, shown and kept, or kept only (with what it says of errors). */
function run(command, args, output = 'shown') {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', output === 'shown' ? 'inherit' : 'pipe', output === 'kept' ? 'pipe' : 'inherit'],
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, FORCE_COLOR: '0', NO_COLOR: '1' },
    })
    let text = ''
    const keep = (chunk) => {
      text += chunk
      if (output !== 'kept') process.stdout.write(chunk)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', (error) => resolve({ code: 127, output: `${text}\n${error.message}` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output: text }))
  })
}

async function single(command, args) {
  const { code, output } = await run(command, args, 'kept')
  process.stdout.write(output)
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

/** A runner of our own that ends with "NAME: N passed, N failed, N skipped"; a run without that line, or with a bad exit code, has failed. */
async function closingLine(name, command, args) {
  const { code, output } = await run(command, args, 'shown and kept')
  const match = [...output.matchAll(new RegExp(`^${name}: (\\d+) passed, (\\d+) failed, (\\d+) skipped$`, 'gm'))].at(-1)
  if (!match) return { passed: 0, failed: 1, skipped: 0 }
  const counts = { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

async function nodeTests(name, pattern) {
  const { code, output } = await run(node, ['--test', '--test-reporter=tap', pattern], 'shown and kept')
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  const counts = { passed: count('pass'), failed: count('fail'), skipped: count('skipped') }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

async function vitest(name, folders) {
  const report = join(scratch, `${name}.json`)
  const { code } = await run(join(bin, 'vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile=${report}`, ...folders])
  let result
  try {
    result = JSON.parse(readFileSync(report, 'utf8'))
  } catch (error) {
    console.error(`${name}: no report was written (${error.message})`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const counts = { passed: result.numPassedTests, failed: result.numFailedTests, skipped: result.numPendingTests + result.numTodoTests }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(steps, name))
if (unknown.length > 0) {
  console.error(`Unknown step ${unknown.join(', ')}. Steps: ${Object.keys(steps).join(', ')}.`)
  process.exit(2)
}

const total = { passed: 0, failed: 0, skipped: 0 }
const summary = []

async function step(name) {
  console.log(`\n== ${name}`)
  const started = Date.now()
  const counts = await steps[name]()
  for (const key of Object.keys(total)) total[key] += counts[key]
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  summary.push(`${name.padEnd(9)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`)
}

const names = wanted.length > 0 ? wanted : Object.keys(steps)
while (names.length > 0) {
  const side = quiet.includes(names[0]) && quiet.includes(names[1]) ? 2 : 1
  await Promise.all(names.splice(0, side).map(step))
}
rmSync(scratch, { recursive: true, force: true })
console.log(`\n${summary.join('\n')}\n`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0
