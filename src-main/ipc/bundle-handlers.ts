import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readBundle, type ReadBundle } from '../plans/read-bundle.ts'
import { writeBundleInto, type WriteBundleOptions } from '../plans/write-bundle.ts'
import type { HostPort } from './host-port.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type BundleServices = Pick<Services, 'library' | 'outputFolder' | 'evaluation' | 'emit' | 'planDescriber'>

/** What bundles of this library are written with. */
export function bundleOptions({ library, outputFolder, evaluation }: Omit<BundleServices, 'emit' | 'planDescriber'>): WriteBundleOptions {
  const places = [dirname(library.file), outputFolder()]
  return { plans: library.plans, appVersion: evaluation.appVersion, now: library.now, places }
}

/** Requests of plans that travel with their results as one file. What is refused is thrown and answered by the dispatcher. */
export function bundleHandlers(
  services: BundleServices,
  host: Pick<HostPort, 'pickFile'>,
  permitted: (...paths: readonly string[]) => Promise<void>,
): Pick<Handlers, 'plans.writeBundle' | 'plans.readBundle' | 'plans.pickBundle'> {
  async function read(path: string): Promise<ReadBundle> {
    const made = await readBundle(path, bundleOptions(services))
    services.emit('plans.changed', { planId: made.planId })
    // So that lists have its headline before it is opened.
    services.planDescriber.comparer.settle(made.planId)
    return made
  }
  return {
    'plans.writeBundle': async ({ planId, folder }) => {
      if (folder !== null) await permitted(folder)
      const into = folder ?? services.outputFolder()
      await mkdir(into, { recursive: true })
      return { path: await writeBundleInto(planId, into, bundleOptions(services)), problems: [] }
    },
    'plans.readBundle': async ({ path }) => {
      await permitted(path)
      return read(path)
    },
    'plans.pickBundle': async () => {
      const path = await host.pickFile('Import a plan with its results', ['zip'])
      return path === null ? { planId: null, problems: [] } : read(path)
    },
  }
}
