/** npm run demo: the main job without a window. */
import { join } from 'node:path'
import { root, runNode } from './run-node.mjs'

runNode(['--disable-warning=ExperimentalWarning', join(root, 'scripts', 'demo.ts'), ...process.argv.slice(2)])
