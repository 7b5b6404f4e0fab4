import type { ExportProfile } from '../../src-main/contract/export-profiles.ts'
import { lastPart } from './words.ts'

/** What the command needs of an exported adapter. */
export interface Exported {
  readonly path: string
  /** Rank after the export. */
  readonly rank: number
  /** As the config names it; null where it names none. */
  readonly baseModelName: string | null
}

/** What to type (or paste) to use an exported adapter with the tool it was made for. BASE stands for a base model that is not named. */
export function loadCommand(profile: ExportProfile, exported: Exported): string {
  const base = exported.baseModelName ?? 'BASE'
  const path = shellWord(exported.path)
  if (profile === 'peft')
    return [
      'from peft import PeftModel',
      'from transformers import AutoModelForCausalLM',
      `base = AutoModelForCausalLM.from_pretrained(${JSON.stringify(base)})`,
      `model = PeftModel.from_pretrained(base, ${JSON.stringify(exported.path)})`,
    ].join('\n')
  if (profile === 'vllm') {
    const served = shellWord(`${lastPart(exported.path)}=${exported.path}`)
    return `vllm serve ${shellWord(base)} --enable-lora --lora-modules ${served} --max-lora-rank ${exported.rank}`
  }
  const converted = shellWord(`${exported.path}.gguf`)
  return [`python convert_lora_to_gguf.py ${path} --outfile ${converted}`, `llama-cli -m BASE.gguf --lora ${converted}`].join('\n')
}

/** A word as a POSIX shell takes it: bare where every character is harmless, else in single quotes. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
