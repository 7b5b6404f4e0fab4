import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What a run of the command line left. */
export interface CliRun {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** The output read as JSON. */
  json<T = unknown>(): T
}

/** Runs `amalgam` with these words in a process of its own, as a person does; `input` is given to its standard input. */
export function runCli(
  words: readonly string[],
  options: { readonly cwd?: string; readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'src-main/cli.ts'), ...words], {
      cwd: options.cwd ?? tmpdir(),
      env: { ...process.env, ...options.env },
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    child.stderr.on('data', (chunk) => (err += String(chunk)))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err, json: <T>() => JSON.parse(out) as T }))
    child.stdin.end(options.input ?? '')
  })
}

/** A fresh folder for one test. */
export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'amalgam-cli-'))
}
