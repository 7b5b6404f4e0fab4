import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { armLooks, markPath, markShapes, otherLook, roleLooks, type ArmLook } from '../../../src-renderer/charts/data-colours.ts'
import { madeArms } from '../../helpers/comparison-data.ts'

const tokens = readFileSync(join(import.meta.dirname, '../../../src-renderer/styles/tokens.css'), 'utf8').split('@media')[0] ?? ''

/** The colour of a token in a theme, through the tokens that it names. */
function colourOf(name: string, theme: 'light' | 'dark'): string {
  const found = new RegExp(`--${name}: ([^;]+);`).exec(tokens)?.[1]
  if (found === undefined) throw new Error(`there is no token --${name}`)
  const other = /^var\(--([\w-]+)\)$/.exec(found)?.[1]
  if (other !== undefined) return colourOf(other, theme)
  const both = /^light-dark\((#\w{6}), (#\w{6})\)$/.exec(found)
  return both ? ((theme === 'light' ? both[1] : both[2]) as string) : found
}

/** Relative luminance (WCAG 2.2). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((left, right) => left - right)
  return (high + 0.05) / (low + 0.05)
}

const armTokens = ['base', 'own', 'merged', 'merged-with-own', 'random', 'random-with-own', 'retuned', 'other-0', 'other-1'].map(
  (name) => `arm-${name}`,
)

describe.each(['light', 'dark'] as const)('colours of charts, %s', (theme) => {
  it('black on white has a contrast of 21', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 9)
  })
  it.each([...armTokens, 'study'])('%s is seen on the grounds and on the band of the margin', (name) => {
    for (const ground of ['ground', 'ground-sunken', 'ground-frame', 'margin-band'])
      expect(contrast(colourOf(name, theme), colourOf(ground, theme))).toBeGreaterThanOrEqual(3)
  })
  it.each(['ramp', 'diverging'])('numbers are read on every step of the %s', (ramp) => {
    for (let step = 0; step < (ramp === 'ramp' ? 6 : 7); step++)
      expect(contrast(colourOf(`${ramp}-${step}`, theme), colourOf(`on-${ramp}-${step}`, theme))).toBeGreaterThanOrEqual(4.5)
  })
})

describe('looks of arms', () => {
  const shape = ({ shape: drawn, hollow }: ArmLook): string => `${drawn} ${hollow ? 'hollow' : 'full'}`
  it('of the verdict differ in shape or filling, and in colour', () => {
    const looks = Object.values(roleLooks)
    expect(new Set(looks.map(shape)).size).toBe(looks.length)
    expect(new Set(looks.map(({ colour }) => colour)).size).toBe(looks.length)
  })
  it('controls are hollow', () => {
    expect(Object.entries(roleLooks).flatMap(([role, { hollow }]) => (hollow ? [role] : []))).toEqual([
      'random',
      'randomWithOwn',
      'retuned',
    ])
    expect([otherLook(0, true).hollow, otherLook(0, false).hollow]).toEqual([true, false])
  })
  it('of twelve arms all differ, the first eleven without their colour', () => {
    const looks = [...armLooks(madeArms(12)).values()]
    expect(new Set(looks.map((look) => `${shape(look)} ${look.colour}`)).size).toBe(12)
    expect(new Set(looks.slice(0, 11).map(shape)).size).toBe(11)
  })
  it('do not depend on which arms are drawn, only on the plan', () => {
    const arms = madeArms(20)
    const all = armLooks(arms)
    expect(all.get('merged')).toEqual(roleLooks.merged)
    expect(armLooks([...arms].slice(0, 12)).get('tsv')).toEqual(all.get('tsv'))
    expect(all.size).toBe(20)
  })
  it('every shape has a path of its own, and the area that was asked for', () => {
    expect(new Set(markShapes.map((name) => markPath(name))).size).toBe(markShapes.length)
    // A circle of area 52; a triangle of area a on its point reaches 2 sqrt(a / (3 sqrt 3)) below its middle; a bar is 2.4 times as high as wide.
    expect(Number(/^M([\d.]+),0A/.exec(markPath('circle', 52))?.[1])).toBeCloseTo(Math.sqrt(52 / Math.PI), 2)
    expect(Number(/^M0,([\d.]+)/.exec(markPath('wedge', 52))?.[1])).toBeCloseTo(2 * Math.sqrt(52 / (3 * Math.sqrt(3))), 2)
    const [width = 0, height = 0] = (/h([\d.]+)v([\d.]+)h/.exec(markPath('bar', 52)) ?? []).slice(1).map(Number)
    expect([width * height, height / width].map((value) => Number(value.toFixed(1)))).toEqual([52, 2.4])
  })
})
