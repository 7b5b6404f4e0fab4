/** A rectangle in pixels. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface PlacedLabel {
  /** Left end and base line of the text. */
  readonly x: number
  readonly y: number
  /** It stands so far off that a line leads to its mark. */
  readonly led: boolean
}

/** A mark, the width of its label, and how far its interval reaches upwards and downwards. */
export interface LabelledMark {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly up?: number
  readonly down?: number
}

const textHeight = 14
const near = 8

/**
 * Labels beside their marks so that none covers another label, a mark, an obstacle or the border: to the right, to the left, above and below, then further off, with a
 * line. null where there is no room. Earlier labels go first.
 */
export function placeLabels(
  marks: readonly LabelledMark[],
  area: Pick<Box, 'width' | 'height'>,
  obstacles: readonly Box[] = [],
): readonly (PlacedLabel | null)[] {
  const taken: Box[] = [...obstacles, ...marks.flatMap(bodyOf)]
  return marks.map((mark) => {
    const { x, y, width } = mark
    for (const { dx, dy, led } of candidates(mark)) {
      const box = { x: x + dx, y: y + dy - textHeight / 2, width, height: textHeight }
      if (inside(box, area) && !taken.some((other) => overlaps(box, other))) {
        taken.push(box)
        return { x: box.x, y: box.y + textHeight - 3, led }
      }
    }
    return null
  })
}

/** The mark itself and its interval. */
function bodyOf({ x, y, up = 0, down = 0 }: LabelledMark): readonly Box[] {
  return [
    { x: x - 6, y: y - 6, width: 12, height: 12 },
    { x: x - 4, y: y - up, width: 8, height: up + down },
  ]
}

/** Steps from the mark to the left end and the middle height of its label, the best first. */
function candidates({
  width,
  up = 0,
  down = 0,
}: LabelledMark): readonly { readonly dx: number; readonly dy: number; readonly led: boolean }[] {
  const close = [
    { dx: near, dy: 0 },
    { dx: -near - width, dy: 0 },
    { dx: -width / 2, dy: -Math.max(near, up + 2) - textHeight / 2 },
    { dx: -width / 2, dy: Math.max(near, down + 2) + textHeight / 2 },
  ].map((step) => ({ ...step, led: false }))
  const far = [1, 2, 3, 4, 5, 6].flatMap((ring) =>
    [-1, 1].flatMap((way) =>
      [near + 4 * ring, -near - 4 * ring - width].map((dx) => ({ dx, dy: way * (4 + ring * textHeight), led: true })),
    ),
  )
  return [...close, ...far]
}

/** Whether two boxes share more than an edge. */
export function overlaps(one: Box, other: Box): boolean {
  return one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height
}

function inside({ x, y, width, height }: Box, area: Pick<Box, 'width' | 'height'>): boolean {
  return x >= 0 && y >= 0 && x + width <= area.width && y + height <= area.height
}
