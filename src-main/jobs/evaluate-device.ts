import { errorProblem, type Problem } from '../contract/problems.ts'
import type { Settings } from '../contract/settings.ts'
import type { Engine } from '../engine/engine.ts'

/** Where an evaluation computes. */
export interface ComputeDevice {
  /** As the native core names it: "cpu" or "cuda:0". */
  readonly id: string
  /** What results depend on: the kind of arithmetic. Equal names give equal bits as far as the core promises it. */
  readonly name: string
}

/** The device that the settings ask for. Refused where a GPU is asked for and there is none, with the reason. */
export function chooseDevice(
  wanted: Settings['device'],
  engine: Pick<Engine, 'devices' | 'accelerators'>,
): { readonly device: ComputeDevice | null; readonly problems: readonly Problem[] } {
  const { instructions } = engine.devices()
  const cpu: ComputeDevice = { id: 'cpu', name: `CPU (${instructions})` }
  if (wanted === 'cpu') return { device: cpu, problems: [] }
  const { names, reason } = engine.accelerators()
  const [first] = names
  if (first !== undefined) return { device: { id: 'cuda:0', name: first }, problems: [] }
  if (wanted === 'automatic') return { device: cpu, problems: [] }
  const hint = 'Choose "automatic" or "processor" in the settings, or set up the driver of the card.'
  return { device: null, problems: [errorProblem('device-unknown', `A GPU is asked for, but ${reason}.`, { hint })] }
}
