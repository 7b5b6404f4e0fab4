/**
 * node --import ./tests/shell-double/register.mjs out/main/index.js
 * Runs the production bundles of the desktop app with one module replaced: "electron" is the double in electron.ts. Everything else is real.
 */
import { registerHooks } from 'node:module'

const double = new URL('./electron.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) => (specifier === 'electron' ? { url: double, shortCircuit: true } : next(specifier, context)),
})
