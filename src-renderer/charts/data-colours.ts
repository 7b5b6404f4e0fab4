import { symbol, symbolCircle, symbolCross, symbolDiamond, symbolSquare, symbolStar, symbolTriangle, type SymbolType } from 'd3-shape'
import type { ArmRole } from '../../src-main/contract/plan.ts'
import type { ChartArm } from './chart-arms.ts'

/** Number of categorical colours (tokens --data-1 to --data-8). */
export const dataColours = 8

/** The token of a line or text in a categorical colour, dark or light enough on the ground; grey where the slots are taken. */
export function lineColour(slot: number | null): string {
  return slot === null ? 'var(--data-base)' : `var(--data-${slot + 1}-line)`
}

/** Dashes that tell lines apart without their colour, by slot. */
export function dashOf(slot: number | null): string {
  return slot === null ? '1 3' : (['none', '7 3', '2 2', '9 3 2 3', '4 2', '12 3', '6 2 2 2 2 2', '3 5'][slot] ?? 'none')
}

/** Shapes of the marks of arms: diamonds are one's own LoRA, circles a merge without it, triangles one with it; hollow is the control of each. */
export const markShapes = ['square', 'diamond', 'circle', 'triangle', 'wedge', 'cross', 'star', 'bar'] as const
export type MarkShape = (typeof markShapes)[number]

/** How an arm is drawn in every chart of a plan; told apart by shape, filling and dashes where colours are not seen. */
export interface ArmLook {
  /** A token as a colour. */
  readonly colour: string
  readonly shape: MarkShape
  /** Drawn as an outline: a control. */
  readonly hollow: boolean
  /** stroke-dasharray of its lines. */
  readonly dash: string
}

/** Looks of the arms that take part in the verdict. */
export const roleLooks: Readonly<Record<ArmRole, ArmLook>> = {
  base: { colour: 'var(--arm-base)', shape: 'square', hollow: false, dash: '1 3' },
  own: { colour: 'var(--arm-own)', shape: 'diamond', hollow: false, dash: '9 3 2 3' },
  merged: { colour: 'var(--arm-merged)', shape: 'circle', hollow: false, dash: 'none' },
  mergedWithOwn: { colour: 'var(--arm-merged-with-own)', shape: 'triangle', hollow: false, dash: 'none' },
  random: { colour: 'var(--arm-random)', shape: 'circle', hollow: true, dash: '4 3' },
  randomWithOwn: { colour: 'var(--arm-random-with-own)', shape: 'triangle', hollow: true, dash: '4 3' },
  retuned: { colour: 'var(--arm-retuned)', shape: 'diamond', hollow: true, dash: '2 2' },
}

const otherShapes: readonly MarkShape[] = ['wedge', 'cross', 'star', 'bar']
const otherColours = ['var(--arm-other-0)', 'var(--arm-other-1)'] as const
const otherDashes = ['7 3', '12 3', '6 2 2 2 2 2', '3 5'] as const

/** The look of every arm of a plan by its id: by role, and for the others by their order in the plan, so that it is the same in all charts. */
export function armLooks(arms: readonly ChartArm[]): ReadonlyMap<string, ArmLook> {
  const others = arms.filter(({ role }) => role === null)
  return new Map(
    arms.map((arm) => {
      if (arm.role !== null) return [arm.id, roleLooks[arm.role]]
      return [arm.id, otherLook(others.indexOf(arm), arm.control ?? false)]
    }),
  )
}

/** The look of an arm outside the verdict that is the `place`th of these; shapes come round after four, colours with every one. */
export function otherLook(place: number, control: boolean): ArmLook {
  const shape = otherShapes[place % otherShapes.length] ?? 'wedge'
  // Every round of shapes takes the colours in the other order, so that the first eight are all different.
  const colour = otherColours[(place + Math.floor(place / otherShapes.length)) % otherColours.length] ?? otherColours[0]
  return { colour, shape, hollow: control, dash: otherDashes[place % otherDashes.length] ?? 'none' }
}

/** A triangle on its point. */
const symbolWedge: SymbolType = {
  draw(context, size) {
    const y = Math.sqrt(size / (3 * Math.sqrt(3)))
    const x = y * Math.sqrt(3)
    context.moveTo(0, 2 * y)
    context.lineTo(-x, -y)
    context.lineTo(x, -y)
    context.closePath()
  },
}

/** A rectangle that stands upright. */
const symbolBar: SymbolType = {
  draw(context, size) {
    const width = Math.sqrt(size / 2.4)
    context.rect(-width / 2, -1.2 * width, width, 2.4 * width)
  },
}

const symbols = {
  square: symbolSquare,
  diamond: symbolDiamond,
  circle: symbolCircle,
  triangle: symbolTriangle,
  cross: symbolCross,
  star: symbolStar,
  wedge: symbolWedge,
  bar: symbolBar,
} as const

/** Path of a mark around 0, 0 with an area in square pixels; 52 is a circle of radius 4. */
export function markPath(shape: MarkShape, area = 52): string {
  return symbol(symbols[shape], area)() ?? ''
}
