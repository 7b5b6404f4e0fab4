/** The sections of the window, in the order of the list. */
export const sectionIds = [
  'library',
  'merge',
  'inspect',
  'models',
  'tasks',
  'evaluate',
  'adapt',
  'compare',
  'runs',
  'jobs',
  'settings',
] as const
export type SectionId = (typeof sectionIds)[number]

/** Owns which section is shown, and what a section was asked to show when it opens. */
export class Navigation {
  section = $state<SectionId>('library')
  /** The adapter the library should focus and show; set by openAdapter, taken by the library view. */
  requestedAdapter = $state<string | null>(null)
  /** The job the jobs section should show; set by openJob, taken by the jobs view. */
  requestedJob = $state<string | null>(null)

  go(section: SectionId): void {
    this.section = section
  }

  /** Goes to the library and shows this adapter there. */
  openAdapter(id: string): void {
    this.requestedAdapter = id
    this.go('library')
  }

  /** Goes to the jobs and shows this one. */
  openJob(id: string): void {
    this.requestedJob = id
    this.go('jobs')
  }
}
