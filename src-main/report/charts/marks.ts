import type { Arm } from '../../contract/plan.ts'
import { element } from './svg.ts'

/** Shapes that are told apart without colour. */
export const shapes = ['circle', 'square', 'triangle', 'diamond', 'cross', 'bar'] as const
export type Shape = (typeof shapes)[number]

/** How an arm is drawn in every chart: its mark, and classes of chart-style.ts. */
export interface ArmLook {
  readonly shape: Shape
  /** "base", "own" or none. */
  readonly tone: string
  /** Controls are hollow. */
  readonly hollow: boolean
}

/** Base model: a grey square; own LoRA: a dark diamond; controls: hollow; best single adapter: a triangle; everything else: a dot. */
export function lookOf(arm: Pick<Arm, 'kind' | 'role'> | undefined): ArmLook {
  if (arm?.kind === 'base') return { shape: 'square', tone: 'base', hollow: false }
  if (arm?.role === 'own') return { shape: 'diamond', tone: 'own', hollow: false }
  return { shape: arm?.kind === 'best_single' ? 'triangle' : 'circle', tone: '', hollow: arm?.kind === 'control' }
}

/** What the marks mean, for the note under a chart. */
export const looksInWords = 'Square: base model. Diamond: own LoRA. Hollow: controls.'

/** A mark around a point. */
export function markAt(x: number, y: number, look: { readonly shape: Shape; readonly tone: string; readonly hollow: boolean }): string {
  const classes = ['mark', look.tone, look.hollow ? 'hollow' : ''].filter((word) => word !== '').join(' ')
  const points = (...places: readonly (readonly [number, number])[]): string =>
    element('polygon', { points: places.map(([dx, dy]) => `${round(x + dx)},${round(y + dy)}`).join(' '), class: classes })
  switch (look.shape) {
    case 'circle':
      return element('circle', { cx: x, cy: y, r: 4.5, class: classes })
    case 'square':
      return element('rect', { x: x - 4, y: y - 4, width: 8, height: 8, class: classes })
    case 'triangle':
      return points([0, -5.5], [5, 4], [-5, 4])
    case 'diamond':
      return points([0, -6], [6, 0], [0, 6], [-6, 0])
    case 'cross':
      return points([-5, -2], [-2, -2], [-2, -5], [2, -5], [2, -2], [5, -2], [5, 2], [2, 2], [2, 5], [-2, 5], [-2, 2], [-5, 2])
    case 'bar':
      return element('rect', { x: x - 2, y: y - 5.5, width: 4, height: 11, class: classes })
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
