/** What the double tells the process that started it. */
export type FromDouble =
  | { readonly kind: 'record'; readonly name: string; readonly details: unknown }
  /** The window's page is loaded; `devTools` is where another Playwright connects to it. */
  | { readonly kind: 'page'; readonly devTools: string }

/** What that process tells the double. */
export type ToDouble =
  /** The answer to the next open dialog; without one a dialog is closed by the person. */
  | { readonly kind: 'dialog'; readonly paths: readonly string[] }
  /** Ends the app as closing its window does. */
  | { readonly kind: 'quit' }

/** Options of the double, read from the environment. */
export interface DoubleEnvironment {
  /** "1" where the starting process listens and speaks over the IPC channel. */
  readonly AMALGAM_DOUBLE_CONTROL?: string
  /** The Chromium that plays the renderer. */
  readonly AMALGAM_DOUBLE_CHROMIUM?: string
  /** Folder in which files dropped on the page are said to lie, under their own names; without it they are not on disk. */
  readonly AMALGAM_DOUBLE_DROPS?: string
  /** "1" shows the browser. */
  readonly AMALGAM_DOUBLE_HEADED?: string
}

const answers: (readonly string[])[] = []
const quitters = new Set<() => void>()

const isControlled = process.env['AMALGAM_DOUBLE_CONTROL'] === '1'

if (isControlled)
  process.on('message', (message: ToDouble) => {
    if (message.kind === 'dialog') answers.push(message.paths)
    else for (const quit of quitters) quit()
  })

/** Tells what happened in the double, for assertions. */
export function record(name: string, details: unknown = null): void {
  tell({ kind: 'record', name, details })
}

export function tell(message: FromDouble): void {
  if (isControlled) process.send?.(message)
}

/** The scripted answer to a dialog, or undefined. */
export function nextDialogAnswer(): readonly string[] | undefined {
  return answers.shift()
}

export function onQuitRequest(quit: () => void): void {
  quitters.add(quit)
}
