import type * as Electron from 'electron'
import { EventEmitter } from 'node:events'
import type { Page } from 'playwright-core'
import { record } from './control.ts'

/** What a page in the double has for web contents. */
export class DoubleContents extends EventEmitter {
  readonly mainFrame = { url: '', origin: '' }
  page: Page | null = null
  openHandler: (details: Electron.HandlerDetails) => { readonly action: 'deny' | 'allow' } = () => ({ action: 'allow' })

  send(channel: string, ...values: unknown[]): void {
    const { page } = this
    if (!page || page.isClosed()) return
    const plain = JSON.parse(JSON.stringify(values)) as unknown[]
    page
      .evaluate(([name, payload]) => (globalThis as unknown as PageWithDouble).__doubleReceive?.(name as string, payload as unknown[]), [
        channel,
        plain,
      ] as const)
      .catch((error: unknown) => {
        if (!page.isClosed()) record('send failed', String(error))
      })
  }

  setWindowOpenHandler(handler: typeof this.openHandler): void {
    this.openHandler = handler
  }

  reload(): void {
    void this.page?.reload()
  }
}

/** What the injected script puts into the page. */
export interface PageWithDouble {
  __doubleReceive?: (channel: string, values: readonly unknown[]) => void
  __doubleInvoke: (channel: string, values: readonly unknown[]) => Promise<{ readonly value: unknown } | { readonly error: string }>
}
