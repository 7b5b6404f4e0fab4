const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size in bytes with a decimal unit (1 kB = 1000 B), three significant figures: 0 B, 999 B, 1.20 MB. */
export function formatBytes(sizeBytes: number): string {
  if (!Number.isFinite(sizeBytes) || sizeBytes < 0) return 'unknown'
  let step = 0
  let amount = sizeBytes
  // 999.5 would print as "1000": step up before rounding does.
  while (amount >= 999.5 && step < units.length - 1) {
    amount /= 1000
    step += 1
  }
  const digits = step === 0 ? 0 : amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0
  return `${amount.toFixed(digits)} ${units[step]}`
}
