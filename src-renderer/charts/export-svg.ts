/** Style properties that decide how a mark looks; written into the copy so that it stands without the window's style sheet. */
const copied = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'paint-order',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'image-rendering',
] as const

const svgName = 'http://www.w3.org/2000/svg'
const margin = 16
const titleLine = 18
/** Average width of a character of the title, in pixels at 13 px; titles are wrapped by it. */
const characterWidth = 7.2

/** A drawn chart as an SVG file of its own: its title on top, computed colours as attributes, the ground behind. */
export function svgText(drawn: SVGSVGElement, title: string): string {
  const { width, height, lines } = sizeOf(drawn, title)
  const body = getComputedStyle(document.body)
  const figure = element('svg', { width, height, viewBox: `0 0 ${width} ${height}` })
  const ground = element('rect', { width, height, fill: body.backgroundColor })
  const words = lines.map((line, index) => {
    const font = { 'font-family': body.fontFamily, 'font-size': 13, 'font-weight': 600, fill: body.color }
    const text = element('text', { x: margin, y: margin + 12 + index * titleLine, ...font })
    text.textContent = line
    return text
  })
  const chart = element('g', { transform: `translate(${margin} ${margin + lines.length * titleLine + 8})` })
  chart.append(...styledCopy(drawn).childNodes)
  figure.append(ground, ...words, chart)
  return new XMLSerializer().serializeToString(figure)
}

/** The same chart as pixels, `scale` times its size on screen. */
export async function pngBlob(drawn: SVGSVGElement, title: string, scale = 2): Promise<Blob> {
  const { width, height } = sizeOf(drawn, title)
  const address = URL.createObjectURL(new Blob([svgText(drawn, title)], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = address
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = width * scale
    canvas.height = height * scale
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
    return await new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the chart could not be drawn as an image'))), 'image/png'),
    )
  } finally {
    URL.revokeObjectURL(address)
  }
}

/** Hands a file to the person, as a download. */
export function saveFile(name: string, content: Blob): void {
  const address = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 1000)
}

/** A title as a file name: letters, digits and hyphens. */
export function fileName(title: string, ending: string): string {
  const stem = title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 80)
  return `${stem === '' ? 'chart' : stem}.${ending}`
}

/** Text cut into lines of at most `width` characters, at spaces; a longer word has a line of its own. */
export function wrapWords(text: string, width: number): readonly string[] {
  return text.split(' ').reduce<readonly string[]>((lines, word) => {
    const last = lines.at(-1)
    return last !== undefined && last.length + 1 + word.length <= width ? [...lines.slice(0, -1), `${last} ${word}`] : [...lines, word]
  }, [])
}

function sizeOf(
  drawn: SVGSVGElement,
  title: string,
): { readonly width: number; readonly height: number; readonly lines: readonly string[] } {
  const box = drawn.getBoundingClientRect()
  const lines = wrapWords(title, Math.max(20, Math.floor(box.width / characterWidth)))
  return { width: Math.ceil(box.width) + 2 * margin, height: Math.ceil(box.height) + 2 * margin + lines.length * titleLine + 8, lines }
}

function styledCopy(drawn: SVGSVGElement): Element {
  const copy = drawn.cloneNode(true) as Element
  const copies = [copy, ...copy.querySelectorAll('*')]
  ;[drawn, ...drawn.querySelectorAll('*')].forEach((original, index) => inline(original, copies[index]))
  return copy
}

function inline(original: Element, copy: Element | undefined): void {
  if (!copy) return
  const style = getComputedStyle(original)
  for (const property of copied) copy.setAttribute(property, style.getPropertyValue(property))
  for (const attribute of ['class', 'style', 'tabindex', 'role']) copy.removeAttribute(attribute)
}

function element(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(svgName, name)
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value))
  return made
}
