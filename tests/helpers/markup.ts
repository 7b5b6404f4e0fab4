/** Reads a page strictly, as XML would be read: what is not closed, not escaped or not quoted is an error with its place. */

/** An element of the page. */
export interface MarkupElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: MarkupElement[]
  /** All text inside, entities resolved. */
  text: string
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** The root of a page or a drawing. Throws where it is not well-formed. */
export function readMarkup(page: string): MarkupElement {
  const root: MarkupElement = { name: '', attributes: {}, children: [], text: '' }
  const open: MarkupElement[] = [root]
  const token = /<!doctype html>|<\?xml[^?]*\?>|<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/g
  for (let match = token.exec(page); match !== null; match = token.exec(page)) {
    const [, closing, name, attributes = '', selfClosing, text, stray] = match
    const place = `at ${match.index}: ${page.slice(match.index, match.index + 60)}`
    if (stray !== undefined) throw new Error(`a "<" that begins no tag ${place}`)
    if (text !== undefined) {
      const words = open.at(-1)?.name === 'style' ? text : resolved(text, place)
      for (const element of open) element.text += words
    } else if (name !== undefined && closing === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing ${place}`)
    } else if (name !== undefined) {
      const element: MarkupElement = { name, attributes: readAttributes(attributes, place), children: [], text: '' }
      open.at(-1)!.children.push(element)
      if (selfClosing !== '/') open.push(element)
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)!.name}> is not closed`)
  return root
}

/** Every element below, in reading order, with this name. */
export function findAll(element: MarkupElement, name: string): readonly MarkupElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...findAll(child, name)])
}

/** Every element below, in reading order. */
export function allOf(element: MarkupElement): readonly MarkupElement[] {
  return element.children.flatMap((child) => [child, ...allOf(child)])
}

function readAttributes(text: string, place: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, resolved(value!, place)] as const)
  if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Error(`an attribute twice ${place}`)
  return Object.fromEntries(pairs)
}

function resolved(text: string, place: string): string {
  return text.replaceAll(/&([^;&\s]*;?)/g, (_, inside: string) => {
    const letter = entities[inside.slice(0, -1)]
    if (letter === undefined || !inside.endsWith(';')) throw new Error(`"&${inside}" is no entity ${place}`)
    return letter
  })
}
