/** What a form knows of a parameter beyond its registry entry: it follows from the sources at hand. */
export interface ParamHint {
  /** The number that "auto" stands for now; null while it is not known. */
  readonly automatic: number | null
  /** Ends of a slider; none is drawn without them. */
  readonly range?: { readonly from: number; readonly to: number }
  /** Values worth trying, each with its reason. */
  readonly presets?: readonly ParamPreset[]
}
export interface ParamPreset {
  /** "r", "P/2". */
  readonly label: string
  readonly value: number
  readonly meaning: string
}
