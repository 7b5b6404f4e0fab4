/** What a model gave for one example, with what was expected. Log-likelihoods are natural. */
export type Answer = { readonly expected: string } &
  /** Text up to the end of the turn, and the log-likelihood of its tokens. */
  (
    | { readonly kind: 'generate'; readonly text: string; readonly logLikelihood: number }
    /** One label, log-likelihood and count of tokens for each choice. */
    | {
        readonly kind: 'choices'
        readonly labels: readonly string[]
        readonly logLikelihoods: readonly number[]
        readonly tokens: readonly number[]
      }
    /** The expected answer's log-likelihood over its `tokens` tokens. */
    | { readonly kind: 'loss'; readonly logLikelihood: number; readonly tokens: number }
  )

/** One kind of answer. */
export type AnswerOf<Kind extends Answer['kind']> = Extract<Answer, { readonly kind: Kind }>

/** What a metric says of one answer. */
export interface Measured {
  /** The metric's value for this example; null where the answer has none (a log-likelihood that is not finite). */
  readonly value: number | null
  /** Right or wrong, where the metric knows only these; null otherwise. */
  readonly correct: boolean | null
  /** What the model answered, as it is shown; null for a loss. */
  readonly prediction: string | null
  /** Of the generated tokens, the chosen label, or the expected answer. */
  readonly logLikelihood: number | null
  /** What the example counts in the run's mean: 1, or the tokens of its answer for the mean loss. */
  readonly weight: number
}
