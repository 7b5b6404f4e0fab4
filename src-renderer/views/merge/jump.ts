import { fieldChain } from '../../state/merge-fields.ts'

const focusable = 'input:not([disabled]), select:not([disabled]), textarea:not([disabled]), button:not([disabled])'

/** Brings the control of a field into view and gives it the focus; where it is not on screen, the nearest thing around it. */
export function focusField(root: HTMLElement, field: string): void {
  for (const candidate of fieldChain(field)) {
    const place = root.querySelector<HTMLElement>(`[data-field="${CSS.escape(candidate)}"]`)
    if (!place) continue
    place.scrollIntoView({ block: 'center' })
    const control = place.matches(focusable) ? place : place.querySelector<HTMLElement>(focusable)
    control?.focus()
    return
  }
}
