/* eslint-disable @typescript-eslint/no-require-imports -- an addon can only be required, and this file decides whether to */
// Loads the addon that build.mjs made, or says why there is none.
const { existsSync, readFileSync } = require('node:fs')
const path = require('node:path')

const addonFile = path.join(__dirname, 'build', 'Release', 'amalgam.node')
const reasonFile = path.join(__dirname, 'build', 'reason.json')

/** An Error with code "native-not-built". A failed build wins over an addon left from an earlier one. */
function notBuilt(reason) {
  return Object.assign(new Error(`The native core is not built: ${reason}`), { code: 'native-not-built', reason })
}

function load() {
  if (existsSync(reasonFile)) throw notBuilt(JSON.parse(readFileSync(reasonFile, 'utf8')).reason)
  if (!existsSync(addonFile)) throw notBuilt('it was never built here. Run: npm rebuild @amalgam/native')
  try {
    return require(addonFile)
  } catch (error) {
    throw notBuilt(`the file cannot be loaded (${error.message}). Run: npm rebuild @amalgam/native`)
  }
}

module.exports = load()
