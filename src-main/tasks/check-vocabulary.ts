import { errorProblem, type Problem } from '../contract/problems.ts'
import type { PromptTokenizer } from './tokenizer.ts'

/** The problem of a tokenizer that knows more tokens than the base model's embedding has rows; null when it fits. More rows than tokens are usual. */
export function checkVocabulary(tokenizer: Pick<PromptTokenizer, 'vocabulary'>, modelVocabulary: number): Problem | null {
  if (tokenizer.vocabulary <= modelVocabulary) return null
  return errorProblem(
    'vocabulary-mismatch',
    `The tokenizer knows ${tokenizer.vocabulary} tokens, but the embedding of the base model has ${modelVocabulary} rows.`,
    { where: { field: 'vocab_size', value: String(modelVocabulary) }, hint: 'Use the tokenizer that belongs to this checkpoint.' },
  )
}
