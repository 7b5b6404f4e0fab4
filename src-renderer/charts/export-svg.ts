/** Style properties that decide how a mark looks; written into the copy so that it stands without the window's style sheet. */
const copied = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
] as const

/** A drawn chart as an SVG file of its own: computed colours as attributes, the ground behind, the title on top. */
export function svgText(drawn: SVGSVGElement, title: string): string {
  const copy = drawn.cloneNode(true) as SVGSVGElement
  const originals = [drawn, ...drawn.querySelectorAll('*')]
  const copies = [copy, ...copy.querySelectorAll('*')]
  originals.forEach((original, index) => inline(original, copies[index]))
  const { width, height } = sizeOf(drawn)
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  copy.setAttribute('width', String(width))
  copy.setAttribute('height', String(height))
  copy.prepend(rectangle(getComputedStyle(document.body).backgroundColor), titled(title))
  return new XMLSerializer().serializeToString(copy)
}

/** The same chart as pixels, `scale` times its size on screen. */
export async function pngBlob(drawn: SVGSVGElement, title: string, scale = 2): Promise<Blob> {
  const { width, height } = sizeOf(drawn)
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

function sizeOf(drawn: SVGSVGElement): { readonly width: number; readonly height: number } {
  const box = drawn.getBoundingClientRect()
  return { width: Math.ceil(box.width), height: Math.ceil(box.height) }
}

function inline(original: Element, copy: Element | undefined): void {
  if (!copy) return
  const style = getComputedStyle(original)
  for (const property of copied) copy.setAttribute(property, style.getPropertyValue(property))
  for (const attribute of ['class', 'style', 'tabindex', 'role']) copy.removeAttribute(attribute)
}

function rectangle(fill: string): SVGRectElement {
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  ground.setAttribute('width', '100%')
  ground.setAttribute('height', '100%')
  ground.setAttribute('fill', fill)
  return ground
}

function titled(text: string): SVGTitleElement {
  const title = document.createElementNS('http://www.w3.org/2000/svg', 'title')
  title.textContent = text
  return title
}
