import type { Component } from 'svelte'
import type { SectionId } from '../state/navigation.svelte.ts'
import type { IconName } from '../parts/icons.ts'
import AdaptView from './adapt/AdaptView.svelte'
import CompareView from './compare/CompareView.svelte'
import EvaluateView from './evaluate/EvaluateView.svelte'
import InspectView from './inspect/InspectView.svelte'
import JobsView from './jobs/JobsView.svelte'
import LibraryView from './library/LibraryView.svelte'
import MergeView from './merge/MergeView.svelte'
import ModelsView from './models/ModelsView.svelte'
import RunsView from './runs/RunsView.svelte'
import SettingsView from './settings/SettingsView.svelte'
import TasksView from './tasks/TasksView.svelte'

/** One section of the window. */
export interface Section {
  readonly id: SectionId
  readonly label: string
  readonly icon: IconName
  readonly component: Component
}

/** Every section, in the order of the list; a section is a row here once it works. */
export const sections: readonly Section[] = [
  { id: 'library', label: 'Library', icon: 'library', component: LibraryView },
  { id: 'merge', label: 'Merge', icon: 'merge', component: MergeView },
  { id: 'inspect', label: 'Inspect', icon: 'inspect', component: InspectView },
  { id: 'models', label: 'Models', icon: 'models', component: ModelsView },
  { id: 'tasks', label: 'Tasks', icon: 'tasks', component: TasksView },
  { id: 'evaluate', label: 'Evaluate', icon: 'evaluate', component: EvaluateView },
  { id: 'adapt', label: 'Adapt', icon: 'adapt', component: AdaptView },
  { id: 'compare', label: 'Compare', icon: 'compare', component: CompareView },
  { id: 'runs', label: 'Runs', icon: 'runs', component: RunsView },
  { id: 'jobs', label: 'Jobs', icon: 'jobs', component: JobsView },
  { id: 'settings', label: 'Settings', icon: 'settings', component: SettingsView },
]
