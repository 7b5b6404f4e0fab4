import { scaleBand, scaleLinear } from 'd3-scale'

/** Kept energy of one layer; layer null gathers the modules outside the layers. */
export interface LayerEnergy {
  readonly layer: number | null
  /** Share of the squared norm kept after truncation, 0 to 1. */
  readonly keptEnergy: number
}

export interface EnergyBar extends LayerEnergy {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** Share cut away, 0 to 1. */
  readonly cut: number
}

/** Shares below this are rounding of the arithmetic, not truncation. */
const nothingCut = 1e-9
/** Few layers do not make fat bars: no step from bar to bar is wider than this, in pixels. */
const widestStep = 28

/**
 * Bars of the energy cut away in each layer, from zero at the bottom: kept shares differ by a few per cent or less, which bars of the
 * kept share could not show from zero. Null when nothing was cut anywhere.
 */
export function layOutKeptEnergy(
  layers: readonly LayerEnergy[],
  size: { readonly width: number; readonly height: number },
): { readonly bars: readonly EnergyBar[]; readonly largestCut: number; readonly worst: LayerEnergy } | null {
  const worst = layers.reduce<LayerEnergy | null>((low, layer) => (low === null || layer.keptEnergy < low.keptEnergy ? layer : low), null)
  if (worst === null || cutOf(worst) <= nothingCut) return null
  const largestCut = cutOf(worst)
  const across = scaleBand<number>()
    .domain(layers.map((_, index) => index))
    .range([0, Math.min(size.width, layers.length * widestStep)])
    .paddingInner(layers.length > size.width / 4 ? 0 : 0.2)
  const up = scaleLinear().domain([0, largestCut]).range([0, size.height])
  const bars = layers.map((layer, index) => {
    const height = up(cutOf(layer))
    return { ...layer, cut: cutOf(layer), x: across(index) ?? 0, y: size.height - height, width: across.bandwidth(), height }
  })
  return { bars, largestCut, worst }
}

/** "layer 3", or where the modules outside the layers are meant, that. */
export function layerName(layer: number | null): string {
  return layer === null ? 'modules outside the layers' : `layer ${layer}`
}

function cutOf(layer: LayerEnergy): number {
  return Math.max(0, 1 - layer.keptEnergy)
}
