import { availableParallelism, cpus } from 'node:os'
import type { Device } from '../contract/settings.ts'
import type { NativeDevices } from './replies.ts'

/** Threads for heavy work: what was asked for, or all cores but one (at least one) for 0. */
export function threadsToUse(asked: number): number {
  return asked > 0 ? asked : Math.max(1, availableParallelism() - 1)
}

/**
 * The device in the app's words. Merging runs on the CPU; where there is a GPU the reason says why it is not used.
 * `devices` null: the core is not built, and `notBuilt` says why.
 */
export function describeDevice(devices: NativeDevices | null, notBuilt: string, threads: number): Device {
  if (devices === null) {
    const processor = cpus()[0]?.model ?? 'unknown processor'
    return { device: 'CPU', reason: `native core not built: ${notBuilt}`, processor, threads, instructions: 'none', nativeBuild: null }
  }
  const { cpu, cuda, build } = devices
  const found = cuda.devices[0]
  const reason = cuda.available && found ? `merging uses the CPU; ${found.name} was found` : cuda.reason
  return { device: 'CPU', reason, processor: cpu.name, threads, instructions: cpu.instructions, nativeBuild: build.id }
}
