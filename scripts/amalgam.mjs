#!/usr/bin/env node
/** The command "amalgam". */
import { join } from 'node:path'
import { root, runNode } from './run-node.mjs'

runNode(['--disable-warning=ExperimentalWarning', join(root, 'src-main', 'cli.ts'), ...process.argv.slice(2)])
