/** Number of steps of the diverging ramp (tokens --diverging-0 to --diverging-6). */
export const divergingSteps = 7

/** Of an adapter with itself: told apart from the neutral middle in both themes. */
export const selfColour = 'light-dark(var(--line), var(--line-control))'

/** A colour as its red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number]

/**
 * The diverging ramp as numbers, for cells that are painted: read from the page, and again when the theme changes. Outside world: the page's
 * computed style.
 */
export class RampColours {
  steps = $state.raw<readonly Rgb[]>([])
  /** An adapter with itself. */
  self = $state.raw<Rgb>([0, 0, 0])

  /** Attach this to any element of the chart; it reads the colours that apply there. */
  readonly attach = (element: HTMLElement): (() => void) => {
    const read = (): void => {
      this.steps = Array.from({ length: divergingSteps }, (_, step) => readColour(element, `var(--diverging-${step})`))
      this.self = readColour(element, selfColour)
    }
    read()
    const observer = new MutationObserver(read)
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', read)
    return () => {
      observer.disconnect()
      system.removeEventListener('change', read)
    }
  }
}

function readColour(element: HTMLElement, colour: string): Rgb {
  const probe = document.createElement('span')
  probe.style.color = colour
  element.append(probe)
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/\d+(\.\d+)?/g) ?? []).map(Number)
  probe.remove()
  return [red, green, blue]
}
