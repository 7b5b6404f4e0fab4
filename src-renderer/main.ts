import { mount } from 'svelte'
import './styles/tokens.css'
import './styles/base.css'
import './styles/controls.css'
import App from './App.svelte'
import { createApp, loadApp } from './state/app.ts'

const target = document.getElementById('app')
if (!target) throw new Error('index.html has no element with the id "app"')

const app = createApp(window)

/** What nobody caught is shown, never lost. */
function showUnexpected(reason: unknown): void {
  app.announcer.problem(`Something went wrong in this window: ${reason instanceof Error ? reason.message : String(reason)}`)
}
window.addEventListener('error', (event) => showUnexpected(event.error ?? event.message))
window.addEventListener('unhandledrejection', (event) => showUnexpected(event.reason))

mount(App, { target, props: { app } })
void loadApp(app)
