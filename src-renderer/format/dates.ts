const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** An ISO time as a local date: 21 Nov 2026; a dash when absent or not a time. */
export function formatDate(iso: string | null): string {
  const date = parse(iso)
  return date ? `${date.getDate()} ${months[date.getMonth()]} ${date.getFullYear()}` : '–'
}

/** An ISO time as local date and minute: 21 Nov 2026, 14:05. */
export function formatDateTime(iso: string | null): string {
  const date = parse(iso)
  return date ? `${formatDate(iso)}, ${formatTime(iso)}` : '–'
}

/** An ISO time as local time of day: 14:05. */
export function formatTime(iso: string | null): string {
  const date = parse(iso)
  return date ? `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}` : '–'
}

/** How long ago, coarse: "just now", "5 min ago", "3 h ago", else the date. */
export function formatAgo(iso: string | null, now: Date): string {
  const date = parse(iso)
  if (!date) return '–'
  const seconds = (now.getTime() - date.getTime()) / 1000
  if (seconds < 60) return 'just now'
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return formatDate(iso)
}

function parse(iso: string | null): Date | null {
  if (iso === null || iso === '') return null
  const date = new Date(iso)
  return Number.isNaN(date.getTime()) ? null : date
}
