// Builds the native core: `node build.mjs` (npm's install script), `--tests`, `--sanitize`.
//
// Plain build: native/build/Release/amalgam.node and, where nvcc is, libamalgam_cuda.so. When it cannot be built the reason
// is said, kept in native/build/reason.json for the app to show, and the exit status is 0, because the user interface can
// be worked on without it; with NATIVE_REQUIRED=1 or CI=true the status is 1.
// --tests     builds the tests too and runs those in C++; the last line is "native: N passed, N failed, N skipped". The
//             tests of the addon are run by `node --test tests/native/addon/*.test.mjs` after that.
// --sanitize  the same without Node, in native/build-asan, under the address and undefined behaviour sanitizers.
import { rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { BuildProblem, buildTarget, configure } from './scripts/cmake.mjs'
import { runCoreTests, printSummary } from './scripts/run-tests.mjs'
import { clearReason, recordReason } from './scripts/reason.mjs'

const nativeDir = path.dirname(fileURLToPath(import.meta.url))
const buildDir = path.join(nativeDir, 'build')
const asanDir = path.join(nativeDir, 'build-asan')
const required = process.env.NATIVE_REQUIRED === '1' || process.env.CI === 'true' || process.env.CI === '1'

/** Builds the addon, then the CUDA library, whose failure costs only the graphics card. */
function buildAddon(options) {
  const { cuda } = configure({ nativeDir, buildDir, options: { AMALGAM_ADDON: 'ON', ...options } })
  buildTarget(buildDir, 'all')
  if (!cuda) return
  try {
    buildTarget(buildDir, 'amalgam_cuda')
  } catch (problem) {
    if (required || !(problem instanceof BuildProblem)) throw problem
    rmSync(path.join(buildDir, 'Release', 'libamalgam_cuda.so'), { force: true }) // one from an earlier build would be loaded
    console.warn('Native core: nvcc was found, but could not compile the CUDA library. Everything runs on the CPU.')
  }
}

function install() {
  try {
    buildAddon(required ? { AMALGAM_WERROR: 'ON' } : {})
    clearReason(buildDir)
    return 0
  } catch (problem) {
    if (!(problem instanceof BuildProblem)) throw problem
    recordReason(buildDir, problem.message)
    return required ? 1 : 0
  }
}

function test() {
  buildAddon({ AMALGAM_TESTS: 'ON', AMALGAM_WERROR: 'ON' })
  clearReason(buildDir)
  return printSummary(runCoreTests(buildDir))
}

function sanitize() {
  const options = { AMALGAM_ADDON: 'OFF', AMALGAM_CUDA: 'OFF', AMALGAM_TESTS: 'ON', AMALGAM_WERROR: 'ON', AMALGAM_SANITIZE: 'ON' }
  configure({ nativeDir, buildDir: asanDir, options })
  buildTarget(asanDir, 'all')
  return printSummary(runCoreTests(asanDir))
}

/** Tests that cannot be built are failed tests. */
function orExplain(action) {
  try {
    return action()
  } catch (problem) {
    if (!(problem instanceof BuildProblem)) throw problem
    console.error(problem.message)
    console.log('native: 0 passed, 1 failed, 0 skipped')
    return 1
  }
}

const mode = process.argv[2] ?? 'install'
if (mode === 'install') process.exitCode = install()
else if (mode === '--tests') process.exitCode = orExplain(test)
else if (mode === '--sanitize') process.exitCode = orExplain(sanitize)
else {
  console.error('usage: node build.mjs [--tests | --sanitize]')
  process.exitCode = 2
}
