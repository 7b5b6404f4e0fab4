import { formatBytes } from './bytes.ts'
import { formatCount, formatNumber } from './numbers.ts'

/** A length of time from seconds: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return 'unknown'
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${formatCount(Math.floor(minutes / 60))} h ${pad(minutes % 60)} min`
}

/** Remaining time in words, coarse on purpose: "about 2 min left"; empty when unknown. */
export function formatEta(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return ''
  if (seconds < 5) return 'a few seconds left'
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`
  if (seconds < 3300) return `about ${Math.max(1, Math.round(seconds / 60))} min left`
  return `about ${formatNumber(seconds / 3600, 2)} h left`
}

/** Work per second: bytes as 12.0 MB/s, anything else as "340 modules/s"; empty when unknown (0). */
export function formatRate(rate: number, unit: string): string {
  if (!Number.isFinite(rate) || rate <= 0) return ''
  if (unit === 'bytes') return `${formatBytes(rate)}/s`
  return `${rate >= 10 ? formatCount(Math.round(rate)) : formatNumber(rate, 2)} ${unit}/s`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
