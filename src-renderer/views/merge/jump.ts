import { fieldChain } from '../../state/merge-fields.ts'

const focusable = 'input:not([disabled]), select:not([disabled]), textarea:not([disabled]), button:not([disabled])'

/** Brings the control of a field into view and gives it the focus, a refused one first; where it is not on screen, the nearest thing around it. */
export function focusField(root: HTMLElement, field: string): void {
  for (const candidate of fieldChain(field)) {
    const place = root.querySelector<HTMLElement>(`[data-field="${CSS.escape(candidate)}"]`)
    if (!place) continue
    place.scrollIntoView({ block: 'center' })
    const refused = place.querySelector<HTMLElement>('[aria-invalid="true"]')
    const control = refused ?? (place.matches(focusable) ? place : place.querySelector<HTMLElement>(focusable))
    control?.focus()
    return
  }
}
