// Finding the tools, and running CMake.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'

const oldestCMake = [3, 18]
const cxxProbe = '#include <concepts>\n#include <source_location>\n#include <span>\nint main() { return std::span<int>().size(); }\n'

/** A build that cannot be done, with words for the person in front of it. */
export class BuildProblem extends Error {}

function output(command, args, input) {
  const result = spawnSync(command, args, { encoding: 'utf8', input })
  return result.status === 0 ? result.stdout : undefined
}

function checkCMake() {
  const version = /cmake version (\d+)\.(\d+)/.exec(output('cmake', ['--version']) ?? '')
  const install = 'On Debian or Ubuntu: sudo apt install cmake'
  if (!version) throw new BuildProblem(`CMake was not found. ${install}`)
  const [major, minor] = [Number(version[1]), Number(version[2])]
  if (major < oldestCMake[0] || (major === oldestCMake[0] && minor < oldestCMake[1])) {
    throw new BuildProblem(`CMake ${major}.${minor} is too old; ${oldestCMake.join('.')} or later is needed. ${install}`)
  }
}

/** The first C++ compiler that knows C++20. */
function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++']
  for (const compiler of candidates) {
    if (output(compiler, ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], cxxProbe) !== undefined) return compiler
  }
  const found = candidates.find((compiler) => output(compiler, ['--version']) !== undefined)
  const what = found ? `The C++ compiler "${found}" does not know C++20.` : `No C++ compiler was found (tried ${candidates.join(', ')}).`
  throw new BuildProblem(`${what} On Debian or Ubuntu: sudo apt install g++ (version 11 or later)`)
}

function findGenerator() {
  if (output('ninja', ['--version'])) return 'Ninja'
  if (output('make', ['--version'])) return 'Unix Makefiles'
  throw new BuildProblem('Neither ninja nor make was found. On Debian or Ubuntu: sudo apt install ninja-build')
}

function headerFolders(nativeDir) {
  const require = createRequire(path.join(nativeDir, 'package.json'))
  try {
    const folder = (name) => path.dirname(require.resolve(`${name}/package.json`))
    return {
      NODE_ADDON_API_DIR: folder('node-addon-api'),
      NODE_API_HEADERS_DIR: path.join(folder('node-api-headers'), 'include'),
    }
  } catch {
    throw new BuildProblem('The packages node-addon-api and node-api-headers are missing. Run: npm install')
  }
}

function run(args, what) {
  const result = spawnSync('cmake', args, { stdio: 'inherit' })
  if (result.error || result.status !== 0) {
    throw new BuildProblem(`${what} failed; its messages are above (cmake ${args.join(' ')}).`)
  }
}

/**
 * Configures `buildDir`, or leaves it as it is when it was configured with the same options: CMake itself notices changed
 * files. Returns whether the CUDA library can be built.
 */
export function configure({ nativeDir, buildDir, options }) {
  const all = { CMAKE_BUILD_TYPE: 'Release', AMALGAM_CUDA: 'ON', ...options }
  if (all.AMALGAM_ADDON === 'ON') Object.assign(all, headerFolders(nativeDir))
  const cacheFile = path.join(buildDir, 'CMakeCache.txt')
  const recordFile = path.join(buildDir, 'configured.json')
  const recorded = existsSync(cacheFile) && existsSync(recordFile) ? JSON.parse(readFileSync(recordFile, 'utf8')) : undefined
  // A plain build keeps what an earlier `--tests` switched on, so that the two do not undo each other's work.
  for (const name of ['AMALGAM_TESTS', 'AMALGAM_WERROR']) all[name] ??= recorded?.options[name] ?? 'OFF'
  const record = JSON.stringify({ nativeDir, options: all })
  if (JSON.stringify(recorded) !== record) {
    checkCMake()
    const compiler = findCompiler()
    const generator = findGenerator()
    if (recorded?.nativeDir !== nativeDir) rmSync(buildDir, { recursive: true, force: true })
    mkdirSync(buildDir, { recursive: true })
    rmSync(recordFile, { force: true })
    const definitions = Object.entries(all).map(([name, value]) => `-D${name}=${value}`)
    run(
      ['-S', nativeDir, '-B', buildDir, '-G', generator, `-DCMAKE_CXX_COMPILER=${compiler}`, ...definitions],
      'Configuring the native core',
    )
    writeFileSync(recordFile, record)
  }
  return { cuda: /^AMALGAM_HAS_CUDA:INTERNAL=ON$/m.test(readFileSync(cacheFile, 'utf8')) }
}

/** Builds one target of a configured folder. */
export function buildTarget(buildDir, target) {
  run(['--build', buildDir, '--target', target, '--parallel', String(os.availableParallelism())], 'Building the native core')
}
