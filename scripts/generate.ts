/** npm run generate: writes every generated file of the repository. Each generator is a function of its source; tests check freshness. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { methods } from '../src-main/contract/methods.ts'
import { methodsDoc } from './generate/methods-doc.ts'
import { nativeFiles } from './generate/native.ts'

const root = join(import.meta.dirname, '..')
const generated: readonly ReadonlyMap<string, string>[] = [nativeFiles(methods), methodsDoc(methods)]

for (const [path, text] of generated.flatMap((files) => [...files])) {
  writeFileSync(join(root, path), text)
  console.log(path)
}
