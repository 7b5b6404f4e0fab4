import type * as Electron from 'electron'

/** What Electron would let through, and no test should. */
export function refuseInsecure({ webPreferences, show }: Electron.BrowserWindowConstructorOptions): void {
  const { nodeIntegration, contextIsolation, sandbox, webSecurity, webviewTag, preload } = webPreferences ?? {}
  const wrong = [
    nodeIntegration !== false && 'nodeIntegration must be false',
    contextIsolation !== true && 'contextIsolation must be true',
    sandbox !== true && 'sandbox must be true',
    webSecurity !== true && 'webSecurity must be true',
    webviewTag !== false && 'webviewTag must be false',
    show !== false && 'the window must be hidden until its first paint',
    preload === undefined && 'a preload script is needed',
    webPreferences?.experimentalFeatures === true && 'no experimental features',
    webPreferences?.enableBlinkFeatures !== undefined && 'no Blink features',
  ].filter((text) => text !== false)
  if (wrong.length > 0) throw new Error(`insecure window: ${wrong.join('; ')}`)
}
