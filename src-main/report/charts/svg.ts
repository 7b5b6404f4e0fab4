/** Text as it stands in HTML, XML and their attributes. What XML does not allow at all (control characters) becomes a question mark in a box. */
export function escapeMarkup(text: string): string {
  return text
    .replaceAll(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      '\ufffd',
    ) // prettier-ignore
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** An element; numbers in attributes are rounded to a tenth of a pixel, `children` are markup already. */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, children: readonly string[] = []): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escapeMarkup(typeof value === 'number' ? shortened(value) : value)}"`,
  )
  return children.length === 0 ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${children.join('')}</${name}>`
}

/** Words in a drawing. */
export function textAt(x: number, y: number, text: string, look: string, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  return element('text', { x, y, class: look, 'text-anchor': anchor }, [escapeMarkup(text)])
}

/** A straight line. */
export function lineFrom(x1: number, y1: number, x2: number, y2: number, look: string): string {
  return element('line', { x1, y1, x2, y2, class: look })
}

/** The whole drawing, with its title and what it shows for those who do not see it. */
export function drawing(
  size: { readonly width: number; readonly height: number },
  words: { readonly id: string; readonly title: string; readonly description: string },
  children: readonly string[],
): string {
  const { width, height } = size
  const attributes = {
    ...{ xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${shortened(width)} ${shortened(height)}`, width, height, class: 'chart' },
    ...{ role: 'img', 'aria-labelledby': `${words.id}-title`, 'aria-describedby': `${words.id}-what` },
  }
  return element('svg', attributes, [
    element('title', { id: `${words.id}-title` }, [escapeMarkup(words.title)]),
    element('desc', { id: `${words.id}-what` }, [escapeMarkup(words.description)]),
    ...children,
  ])
}

/** A label that fits into `width` pixels, judged by the mean width of letters; what is cut ends in an ellipsis. */
export function fitted(text: string, width: number): string {
  const room = Math.max(2, Math.floor(width / letterWidth))
  const letters = [...text]
  return letters.length <= room ? text : `${letters.slice(0, room - 1).join('')}\u2026`
}

/** Mean width of a letter at the size of the charts' words. */
export const letterWidth = 7.1

function shortened(value: number): string {
  return String(Math.round(value * 10) / 10 || 0)
}
