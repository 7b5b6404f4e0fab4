import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseHeader } from '../../../src-main/library/parse-header.ts'

const fuzzer = join(import.meta.dirname, '../../../native/build/tests/safetensors_fuzz_test')
const cases = 40_000

interface Verdict {
  readonly header: Uint8Array
  readonly dataBytes: number
  /** Empty when the native reader accepts the header. */
  readonly code: string
}

/** Reads what the fuzzer writes: three lengths of 8 bytes (header, data, code), then header and code. */
function* verdictsIn(bytes: Buffer): Generator<Verdict> {
  for (let at = 0; at < bytes.length;) {
    const [headerBytes, dataBytes, codeBytes] = [0, 8, 16].map((offset) => Number(bytes.readBigUInt64LE(at + offset))) as [
      number,
      number,
      number,
    ]
    const header = bytes.subarray(at + 24, at + 24 + headerBytes)
    at += 24 + headerBytes + codeBytes
    yield { header, dataBytes, code: bytes.toString('utf8', at - codeBytes, at) }
  }
}

test.skipIf(!existsSync(fuzzer))(`the two readers of headers agree on ${cases} damaged headers`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-differential-'))
  try {
    const file = join(folder, 'verdicts')
    const env = { ...process.env, AMALGAM_FUZZ_CASES: String(cases), AMALGAM_FUZZ_SEED: '7', AMALGAM_FUZZ_VERDICTS: file }
    const run = spawnSync(fuzzer, ['damaged files'], { env, encoding: 'utf8' })
    expect(run.status, run.stdout + run.stderr).toBe(0)
    const counts = { accepted: 0, refused: 0 }
    for (const { header, dataBytes, code } of verdictsIn(readFileSync(file))) {
      const begun = performance.now()
      const answer = parseHeader(header, dataBytes)
      expect(performance.now() - begun).toBeLessThan(1000)
      const accepted = !('code' in answer)
      if (accepted !== (code === ''))
        throw new Error(
          `native: ${code || 'accepted'}, TypeScript: ${accepted ? 'accepted' : answer.code}: ${Buffer.from(header).toString('latin1').slice(0, 2000)}`,
        )
      counts[accepted ? 'accepted' : 'refused'] += 1
    }
    expect(counts.accepted + counts.refused).toBe(cases)
    expect(counts.accepted).toBeGreaterThan(cases / 10)
    expect(counts.refused).toBeGreaterThan(cases / 2)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
