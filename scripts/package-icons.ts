/**
 * node scripts/package-icons.ts: draws resources/icons/icon.svg in every size that the packages need (Chromium renders it) and packs the sizes into
 * icon.ico for Windows and icon.icns for macOS, so that packaging downloads no converter. Run it after changing the drawing; the results are kept.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { chromiumFlags, findChromium } from '../tests/e2e/chromium.ts'

const folder = fileURLToPath(new URL('../resources/icons', import.meta.url))
/** Sizes of the hicolor theme on Linux, in pixels. */
const linuxSizes = [16, 24, 32, 48, 64, 128, 256, 512]
const windowsSizes = [16, 24, 32, 48, 64, 128, 256]
/** Kinds of entries in an ICNS file that hold a PNG, with their sizes in pixels. */
const macKinds = [
  ['icp4', 16],
  ['icp5', 32],
  ['icp6', 64],
  ['ic07', 128],
  ['ic08', 256],
  ['ic09', 512],
  ['ic10', 1024],
] as const

async function draw(sizes: readonly number[]): Promise<ReadonlyMap<number, Buffer>> {
  const found = findChromium()
  if (found.path === null) throw new Error(found.reason)
  const drawing = readFileSync(join(folder, 'icon.svg'), 'utf8')
  const browser = await chromium.launch({ executablePath: found.path, args: [...chromiumFlags] })
  try {
    const page = await browser.newPage({ viewport: { width: 1024, height: 1024 } })
    const pictures = new Map<number, Buffer>()
    for (const size of sizes) {
      await page.setContent(`<style>body { margin: 0 } svg { display: block; width: ${size}px; height: ${size}px }</style>${drawing}`)
      const clip = { x: 0, y: 0, width: size, height: size }
      pictures.set(size, await page.screenshot({ clip, omitBackground: true }))
    }
    return pictures
  } finally {
    await browser.close()
  }
}

/** An ICO file of PNGs: a directory of 16 bytes for each, then the pictures. */
function packIco(pictures: readonly (readonly [number, Buffer])[]): Buffer {
  const head = Buffer.alloc(6 + 16 * pictures.length)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(pictures.length, 4)
  let place = head.length
  pictures.forEach(([size, png], index) => {
    const entry = 6 + 16 * index
    // 256 does not fit into the byte and is written as 0.
    head.writeUInt8(size % 256, entry)
    head.writeUInt8(size % 256, entry + 1)
    head.writeUInt16LE(1, entry + 4)
    head.writeUInt16LE(32, entry + 6)
    head.writeUInt32LE(png.length, entry + 8)
    head.writeUInt32LE(place, entry + 12)
    place += png.length
  })
  return Buffer.concat([head, ...pictures.map(([, png]) => png)])
}

/** An ICNS file: "icns" and its length, then kind, length and PNG of each. */
function packIcns(pictures: readonly (readonly [string, Buffer])[]): Buffer {
  const entries = pictures.flatMap(([kind, png]) => [tagged(kind, png.length + 8), png])
  const bytes = entries.reduce((sum, entry) => sum + entry.length, 8)
  return Buffer.concat([tagged('icns', bytes), ...entries])
}

function tagged(tag: string, length: number): Buffer {
  const head = Buffer.alloc(8)
  head.write(tag, 'latin1')
  head.writeUInt32BE(length, 4)
  return head
}

const pictures = await draw([...new Set([...linuxSizes, ...windowsSizes, ...macKinds.map(([, size]) => size)])])
const png = (size: number): Buffer => pictures.get(size) ?? Buffer.alloc(0)
for (const size of linuxSizes) writeFileSync(join(folder, `${size}x${size}.png`), png(size))
writeFileSync(join(folder, 'icon.ico'), packIco(windowsSizes.map((size) => [size, png(size)])))
writeFileSync(join(folder, 'icon.icns'), packIcns(macKinds.map(([kind, size]) => [kind, png(size)])))
console.log(`${linuxSizes.length} pictures, icon.ico and icon.icns in resources/icons`)
