import { join } from 'node:path'

/** The demo kit that tests read: AMALGAM_DEMO when set (a folder of the same shape, possibly of another seed), else the one that ships. */
export const demoKit = process.env['AMALGAM_DEMO'] ?? join(import.meta.dirname, '../../resources/demo')

/** The kit's folder of adapters. */
export const demoAdapters = join(demoKit, 'adapters')
