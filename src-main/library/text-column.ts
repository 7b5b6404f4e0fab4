/**
 * What is searched by words, of every adapter: texts joined in blocks, so that a word is looked for in some long strings instead of in
 * thousands of short ones. A block is joined anew when one of its texts changed.
 */
export interface TextColumn {
  /** Puts a text at a place, or frees it (null). */
  put(place: number, text: string | null): void
  /** For each place: 1 when its text holds `word`, which has no white space in it. */
  holding(word: string): Uint8Array
}

interface Block {
  readonly texts: string[]
  /** The texts with a separator after each; null when one of them changed since. */
  joined: string | null
  /** Where each text begins in `joined`. */
  readonly starts: Int32Array
}

const blockSize = 256
/** Words have no white space, so nothing is found across two texts. */
const separator = '\n'

/** An empty column. */
export function createTextColumn(): TextColumn {
  const blocks: Block[] = []

  function blockAt(place: number): Block {
    const index = Math.floor(place / blockSize)
    while (blocks.length <= index)
      blocks.push({ texts: Array.from({ length: blockSize }, () => ''), joined: null, starts: new Int32Array(blockSize + 1) })
    return blocks[index]!
  }

  return {
    put(place, text) {
      const block = blockAt(place)
      block.texts[place % blockSize] = text ?? ''
      block.joined = null
    },
    holding(word) {
      const found = new Uint8Array(blocks.length * blockSize)
      for (const [index, block] of blocks.entries()) {
        const joined = (block.joined ??= join(block))
        let text = 0
        for (let at = joined.indexOf(word); at >= 0; at = joined.indexOf(word, block.starts[text]!)) {
          while (block.starts[text + 1]! <= at) text++
          found[index * blockSize + text] = 1
          text++
          if (text === blockSize) break
        }
      }
      return found
    },
  }
}

function join({ texts, starts }: Block): string {
  let at = 0
  for (const [index, text] of texts.entries()) {
    starts[index] = at
    at += text.length + separator.length
  }
  starts[blockSize] = at
  return texts.join(separator) + separator
}
