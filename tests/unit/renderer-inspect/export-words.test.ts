import { describe, expect, it } from 'vitest'
import type { ExportCheck } from '../../../src-main/contract/export-profiles.ts'
import { errorProblem, warningProblem } from '../../../src-main/contract/problems.ts'
import { loadCommand, shellWord } from '../../../src-renderer/format/load-command.ts'
import { exportedOf } from '../../../src-renderer/state/export-result.ts'
import {
  checksWords,
  commonPaddedRanks,
  exportable,
  exportedWords,
  paddedRanks,
  unchangedWords,
} from '../../../src-renderer/views/adapters/export-words.ts'

const check = (change: Partial<ExportCheck> = {}): ExportCheck => ({
  profile: 'vllm',
  unchanged: [],
  exported: [],
  rank: 16,
  sizeBytes: 1_000_000,
  ...change,
})
const refusal = errorProblem('rank-invalid', 'The rank is 700.')
const remark = warningProblem('extras-left-out', 'Tensors are left out.')

describe('what a tool says', () => {
  it('says in a line how the adapter would fare as it is', () => {
    expect(unchangedWords('vllm', check())).toBe('As it is, vLLM takes it without remarks.')
    expect(unchangedWords('vllm', check({ unchanged: [remark] }))).toBe('As it is, vLLM takes it with 1 remark.')
    expect(unchangedWords('llamacpp', check({ unchanged: [refusal, refusal, remark] }))).toBe(
      'As it is, llama.cpp would refuse it or get it wrong: 2 reasons.',
    )
  })
  it('says what the export makes', () => {
    expect(exportedWords('vllm', check(), 0)).toBe('The export: rank 16, 1.00 MB; nothing is lost.')
    expect(exportedWords('vllm', check({ exported: [remark] }), 32)).toBe('The export: rank 32, about 2.00 MB; 1 remark.')
    expect(exportedWords('peft', check(), 0)).toBe('The files are copied byte for byte: rank 16, 1.00 MB.')
    expect(exportedWords('vllm', check({ exported: [refusal], rank: null }), 0)).toBe('It cannot be exported for this tool.')
  })
  it('counts several', () => {
    const able = { id: 'a', check: check(), problems: [] }
    const unable = { id: 'b', check: check({ exported: [refusal] }), problems: [] }
    const lost = { id: 'c', check: null, problems: [refusal] }
    expect(checksWords([able, unable, lost])).toBe('1 can be exported, 2 cannot.')
    expect(checksWords([able, able])).toBe('All 2 can be exported.')
    expect(checksWords([able, { id: 'd', check: null, problems: [] }])).toBe('Checking 2 of 2')
    expect(exportable([able, unable, lost]).map(({ id }) => id)).toEqual(['a'])
  })
  it('offers the ranks that the tool takes above its own', () => {
    expect(paddedRanks('vllm', 16)).toEqual([32, 64, 128, 256, 320, 512])
    expect(paddedRanks('llamacpp', 100)).toEqual([128, 256, 512])
    expect(paddedRanks('peft', 16)).toEqual([])
    expect(paddedRanks('vllm', null)).toEqual([])
    expect(
      commonPaddedRanks('vllm', [
        { id: 'a', check: check(), problems: [] },
        { id: 'b', check: check({ rank: 256 }), problems: [] },
      ]),
    ).toEqual([320, 512])
  })
})

describe('the command that loads an export', () => {
  const exported = { path: '/srv/exports/sentiment-r16', rank: 32, baseModelName: 'meta/base' }
  it('is right for each tool', () => {
    expect(loadCommand('vllm', exported)).toBe(
      'vllm serve meta/base --enable-lora --lora-modules sentiment-r16=/srv/exports/sentiment-r16 --max-lora-rank 32',
    )
    expect(loadCommand('llamacpp', exported)).toBe(
      'python convert_lora_to_gguf.py /srv/exports/sentiment-r16 --outfile /srv/exports/sentiment-r16.gguf\nllama-cli -m BASE.gguf --lora /srv/exports/sentiment-r16.gguf',
    )
    expect(loadCommand('peft', { ...exported, baseModelName: null })).toContain('from_pretrained("BASE")')
  })
  it('quotes what a shell would take apart', () => {
    expect(shellWord('/a/b-c_d.e')).toBe('/a/b-c_d.e')
    expect(shellWord("/my exports/it's")).toBe("'/my exports/it'\\''s'")
    expect(shellWord('$(rm)')).toBe("'$(rm)'")
    expect(loadCommand('vllm', { ...exported, path: '/my exports/a' })).toContain("--lora-modules 'a=/my exports/a' ")
  })
  it('reads the folder from the result of the job', () => {
    const result = { path: '/x', rank: 8, profile: 'vllm', sizeBytes: 3 }
    expect(exportedOf(result)).toEqual(result)
    expect(exportedOf(null)).toBeNull()
    expect(exportedOf({ path: '/x' })).toBeNull()
  })
})
