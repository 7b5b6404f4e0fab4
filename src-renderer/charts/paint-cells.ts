import { rampStep } from './cosine-matrix.ts'
import type { Cosines } from './cluster.ts'
import type { Rgb } from './ramp-colours.svelte.ts'

/**
 * Cosines as pixels, one for each cell, rows and columns in `order`: four bytes each (red, green, blue, opacity). A pair that was not compared
 * is clear, so that the hatching behind it is seen.
 */
export function cellPixels(cosines: Cosines, order: readonly number[], ramp: readonly Rgb[], self: Rgb): Uint8ClampedArray<ArrayBuffer> {
  const count = order.length
  const pixels = new Uint8ClampedArray(count * count * 4)
  order.forEach((row, y) => {
    const line = cosines[row] ?? []
    order.forEach((column, x) => {
      const cosine = line[column] ?? null
      if (cosine === null) return
      const [red, green, blue] = row === column ? self : (ramp[rampStep(cosine, false)] ?? self)
      pixels.set([red, green, blue, 255], (y * count + x) * 4)
    })
  })
  return pixels
}

/** The same as an image address that an svg can hold, so that it is saved with the rest of the chart. */
export function cellImage(cosines: Cosines, order: readonly number[], ramp: readonly Rgb[], self: Rgb): string {
  const count = order.length
  if (count === 0 || ramp.length === 0) return ''
  const canvas = document.createElement('canvas')
  canvas.width = count
  canvas.height = count
  canvas.getContext('2d')?.putImageData(new ImageData(cellPixels(cosines, order, ramp, self), count, count), 0, 0)
  return canvas.toDataURL('image/png')
}
