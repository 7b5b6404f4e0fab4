export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}
export interface Size {
  readonly width: number
  readonly height: number
}

/** Where a floating box of `size` goes: below its anchor, or above where there is no room, moved sideways to stay inside the viewport. */
export function placeBeside(anchor: Box, size: Size, viewport: Size, gap = 4, margin = 8): { readonly left: number; readonly top: number } {
  const below = anchor.top + anchor.height + gap
  const above = anchor.top - size.height - gap
  const fitsBelow = below + size.height <= viewport.height - margin
  const top = fitsBelow || above < margin ? below : above
  const wanted = anchor.left + anchor.width / 2 - size.width / 2
  const left = Math.max(margin, Math.min(wanted, viewport.width - size.width - margin))
  return { left: Math.round(left), top: Math.round(Math.max(margin, Math.min(top, viewport.height - size.height - margin))) }
}
