/** PEFT's rules for rank, alpha and scaling of a module, written out for tests from its documentation and independent of the product. */

/** The fields of adapter_config.json that decide a module's scaling. */
export interface PeftConfig {
  readonly r: number
  readonly lora_alpha: number
  readonly use_rslora: boolean
  readonly rank_pattern: Readonly<Record<string, number>>
  readonly alpha_pattern: Readonly<Record<string, number>>
}

/** The value of the first entry, in the order of the file, whose key matches the end of the module's name from a dot on; else `otherwise`. */
function patternValue(pattern: Readonly<Record<string, number>>, module: string, otherwise: number): number {
  const entry = Object.entries(pattern).find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))
  return entry ? entry[1] : otherwise
}

export function peftRank(config: PeftConfig, module: string): number {
  return patternValue(config.rank_pattern, module, config.r)
}

/** alpha / rank, or alpha / sqrt(rank) for rank-stabilised adapters. */
export function peftScaling(config: PeftConfig, module: string): number {
  const rank = peftRank(config, module)
  const alpha = patternValue(config.alpha_pattern, module, config.lora_alpha)
  return config.use_rslora ? alpha / Math.sqrt(rank) : alpha / rank
}
