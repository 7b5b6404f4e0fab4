/** What the desktop shell must do besides showing the page: its security settings, its dialogs and its menu, seen through the shell double. */
import { strict as assert } from 'node:assert'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Reply, Wire } from '../../src-main/contract/bridge.ts'
import type { LaunchedDouble } from './launch.ts'

/** One check of the running shell. They run in order on one app; the last ones provoke the page's policy on purpose. */
interface ShellCheck {
  readonly name: string
  run(app: LaunchedDouble): Promise<void>
}

/** What the double recorded under `name`, first to last. */
function recorded(app: LaunchedDouble, name: string): unknown[] {
  return app.records.filter((record) => record.name === name).map((record) => record.details)
}

async function waitForRecord(app: LaunchedDouble, name: string): Promise<unknown> {
  for (let tries = 0; tries < 100; tries++) {
    const found = recorded(app, name).at(-1)
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing was recorded under ${name}`)
}

/** Sends a request from the page, as a script in it could. */
function call(page: Page, name: string, input: unknown): Promise<Reply> {
  return page.evaluate(([key, value]) => (window as unknown as { amalgam: Wire }).amalgam.call(key, value), [name, input] as const)
}

const problemCodes = (reply: Reply): readonly string[] => (reply.ok ? [] : reply.problems.map((problem) => problem.code))

/** A package shows no tools of developers. */
const isPackage = process.env['AMALGAM_APP_FOLDER'] !== undefined

const shellChecks: readonly ShellCheck[] = [
  {
    name: 'the window is sandboxed, isolated, large enough, and shown only once it is painted',
    async run(app) {
      const [options] = recorded(app, 'BrowserWindow') as [Record<string, unknown>]
      const preferences = options['webPreferences'] as Record<string, unknown>
      assert.deepEqual(
        { ...preferences, preload: String(preferences['preload']).split('/').slice(-3).join('/') },
        {
          preload: 'out/preload/preload.cjs',
          sandbox: true,
          contextIsolation: true,
          nodeIntegration: false,
          webSecurity: true,
          webviewTag: false,
          spellcheck: false,
          devTools: !isPackage,
        },
      )
      assert.deepEqual([options['minWidth'], options['minHeight'], options['show']], [1024, 640, false])
      const names = app.records.map((record) => record.name)
      assert.ok(names.indexOf('BrowserWindow') < names.indexOf('window.show'))
    },
  },
  {
    name: 'sandbox, scheme, lock and permissions are set before the window opens',
    async run(app) {
      const names = app.records.map((record) => record.name)
      for (const name of ['app.enableSandbox', 'protocol.registerSchemesAsPrivileged', 'app.requestSingleInstanceLock'])
        assert.ok(names.indexOf(name) >= 0 && names.indexOf(name) < names.indexOf('BrowserWindow'), name)
      assert.deepEqual(recorded(app, 'protocol.registerSchemesAsPrivileged'), [
        [{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } }],
      ])
      for (const name of ['session.permissionRequests', 'session.permissionChecks']) {
        const [answers] = recorded(app, name) as [Record<string, boolean>]
        assert.deepEqual(
          Object.keys(answers).filter((permission) => answers[permission]),
          ['clipboard-sanitized-write'],
        )
      }
      assert.deepEqual(recorded(app, 'session.devicePermission'), [false])
    },
  },
  {
    name: 'the menu holds roles and quitting',
    async run(app) {
      const text = JSON.stringify(recorded(app, 'Menu.setApplicationMenu'))
      for (const role of ['close', 'quit', 'editMenu', 'windowMenu', 'togglefullscreen', 'resetZoom', 'about'])
        assert.ok(text.includes(`"${role}"`), role)
      assert.ok(text.includes('CmdOrCtrl+Q'))
      for (const role of ['reload', 'toggleDevTools']) assert.equal(text.includes(`"${role}"`), !isPackage, role)
    },
  },
  {
    name: 'the page gets the wire of the contract and nothing else',
    async run({ page }) {
      const keys = await page.evaluate(() => {
        const wire = (window as unknown as { amalgam: Wire }).amalgam
        return { wire: Object.keys(wire).sort(), drop: Object.keys(wire.drop).sort(), host: wire.host, frozen: Object.isFrozen(wire) }
      })
      assert.deepEqual(keys, { wire: ['call', 'drop', 'host', 'onEvent'], drop: ['kind', 'pathForFile'], host: 'electron', frozen: true })
      const leaked = await page.evaluate(() => ['require', 'process', 'module', 'electron', 'ipcRenderer'].filter((name) => name in window))
      assert.deepEqual(leaked, [])
    },
  },
  {
    name: 'unknown and reserved requests are refused',
    async run({ page }) {
      assert.deepEqual(problemCodes(await call(page, 'constructor', {})), ['unknown-request'])
      await assert.rejects(call(page, 'host.allowDrop', '/etc'), /reserved/)
      assert.deepEqual(problemCodes(await call(page, 'library.import', { paths: ['/etc'] })), ['path-not-allowed'])
    },
  },
  {
    name: 'a folder chosen in a dialog may be used from then on, another may not',
    async run(app) {
      const folder = mkdtempSync(join(tmpdir(), 'amalgam-chosen-'))
      assert.deepEqual(problemCodes(await call(app.page, 'app.reveal', { path: folder })), ['path-not-allowed'])
      app.answerDialog([folder])
      assert.deepEqual(await call(app.page, 'app.pickFolder', { title: 'Choose' }), { ok: true, value: folder })
      assert.deepEqual(await call(app.page, 'app.reveal', { path: folder }), { ok: true, value: { problems: [] } })
      assert.equal(await waitForRecord(app, 'shell.showItemInFolder'), folder)
      assert.deepEqual(await call(app.page, 'app.pickFolder', { title: 'Choose' }), { ok: true, value: null })
    },
  },
  {
    name: 'a frame inside the page may not send requests',
    async run({ page }) {
      await page.evaluate(() => document.body.append(document.createElement('iframe')))
      const inner = page.frames().find((frame) => frame.parentFrame() !== null)
      assert.ok(inner)
      const reply = await inner.evaluate(
        () => (window as unknown as { __doubleInvoke: (...values: unknown[]) => Promise<unknown> }).__doubleInvoke('amalgam:call', ['app.info', {}]), // prettier-ignore
      )
      assert.deepEqual(problemCodes((reply as { value: Reply }).value), ['request-invalid'])
      await page.evaluate(() => document.querySelector('iframe')?.remove())
    },
  },
  {
    name: 'every answer of the scheme carries the policy, and the policy holds',
    async run({ page, errors }) {
      const header = await page.evaluate(async () => {
        const response = await fetch('/index.html')
        return [response.headers.get('content-security-policy'), response.headers.get('x-content-type-options')]
      })
      assert.deepEqual(header, [
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", // prettier-ignore
        'nosniff',
      ])
      const before = errors.length
      const ran = await page.evaluate(() => {
        const script = document.createElement('script')
        script.textContent = 'window.inlineScriptRan = true'
        document.body.append(script)
        return 'inlineScriptRan' in window
      })
      assert.equal(ran, false)
      // The refusal is said on the console; it was asked for here.
      await page.waitForTimeout(100)
      errors.length = before
    },
  },
  {
    name: 'navigation and new windows are refused',
    async run(app) {
      const { page, errors } = app
      const address = page.url()
      const before = errors.length
      await page.evaluate(() => void (location.href = 'https://elsewhere.invalid/'))
      const refused = (await waitForRecord(app, 'foreign request')) as { readonly navigation: boolean; readonly prevented: boolean }
      assert.deepEqual([refused.navigation, refused.prevented], [true, true])
      assert.equal(page.url(), address)
      await page.evaluate(() => void window.open('https://elsewhere.invalid/'))
      assert.equal(((await waitForRecord(app, 'window.open')) as { readonly action: string }).action, 'deny')
      await page.waitForTimeout(100)
      errors.length = before
    },
  },
]

/** Runs every check of the shell; the error names the one that failed. */
export async function checkShell(app: LaunchedDouble): Promise<void> {
  for (const { name, run } of shellChecks)
    await run(app).catch((error: unknown) => {
      throw new Error(`shell: ${name}`, { cause: error })
    })
}
