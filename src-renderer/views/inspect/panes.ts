import type { Component } from 'svelte'
import DetectorPane from './DetectorPane.svelte'
import FamiliesPane from './FamiliesPane.svelte'
import NormsPane from './NormsPane.svelte'
import PoolPane from './PoolPane.svelte'
import SimilarityPane from './SimilarityPane.svelte'
import SpectraPane from './SpectraPane.svelte'

/** One way to look at the adapters shown. */
export interface InspectPane {
  readonly id: string
  readonly label: string
  /** The question it answers, on hover. */
  readonly question: string
  readonly component: Component
}

/** Every pane of Inspect, in the order of the tabs. */
export const panes: readonly [InspectPane, ...InspectPane[]] = [
  { id: 'similarity', label: 'Similarity', question: 'Which updates point the same way?', component: SimilarityPane },
  { id: 'spectra', label: 'Spectra', question: 'How many ranks does each update use?', component: SpectraPane },
  { id: 'norms', label: 'Norms', question: 'In which modules is each update large?', component: NormsPane },
  { id: 'families', label: 'Families', question: 'Which adapters are near duplicates?', component: FamiliesPane },
  { id: 'pool', label: 'Pool', question: 'How do these adapters differ from the library?', component: PoolPane },
  { id: 'detector', label: 'Frozen A', question: 'Which adapters were trained with A frozen (LoRI and kin)?', component: DetectorPane },
]
