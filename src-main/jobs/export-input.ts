import type { ExportProfile } from '../contract/export-profiles.ts'

/** What an export is started with. Exactly one of `folder` and `outFolder` is given. */
export interface ExportInput {
  /** Id of the adapter. */
  readonly adapter: string
  readonly profile: ExportProfile
  /** Rank to pad to with zeros; 0 keeps the profile's own. */
  readonly padTo: number
  /** A new folder, named for the adapter, is made in here. */
  readonly folder?: string
  /** Exactly this folder is made. */
  readonly outFolder?: string
}
