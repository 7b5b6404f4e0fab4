import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'
import { electronFiles, layers } from './scripts/layers.mjs'

/** One lint block for each folder: what the layer table does not allow is restricted. */
function layerRules(tree) {
  const all = [...layers[tree].keys()]
  return all.flatMap((folder) => {
    const allowed = layers[tree].get(folder)
    const forbidden = all.filter((other) => !allowed.has(other))
    const message = `"${folder}" may not import this layer (scripts/layers.mjs).`
    const inFolder = forbidden.flatMap((other) => [`../${other}/**`, `../../${other}/**`, `../${other}.ts`])
    // Beside a file at the root lie the layers; beside one in a folder lie its own.
    const atRoot = forbidden.flatMap((other) => [`./${other}.ts`, `./${other}/**`])
    const foreign =
      tree === 'src-renderer'
        ? [{ group: ['electron', 'electron/*', 'node:*', 'better-sqlite3', '@amalgam/*'], message: 'The renderer knows no host.' }]
        : [{ group: ['electron', 'electron/*'], message: `Only ${electronFiles.join(', ')} import Electron.` }]
    return [
      { files: [`${tree}/${folder}/**/*.{ts,svelte}`], group: inFolder },
      { files: [`${tree}/${folder}.{ts,svelte}`], group: atRoot },
    ].map(({ files, group }) => {
      const patterns = group.length === 0 ? foreign : [{ group, message }, ...foreign]
      return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } }
    })
  })
}

export default ts.config(
  { ignores: ['out/**', 'dist/**', 'native/build*/**', 'resources/**', 'test-results/**', '**/*.generated.*'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser } } },
  ...layerRules('src-main'),
  ...layerRules('src-renderer'),
  { files: electronFiles, rules: { 'no-restricted-imports': 'off' } },
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
    },
  },
  { files: ['*.config.{js,ts}', '**/*.svelte'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['src-main/**/*.ts', 'src-renderer/**/*.{ts,svelte}', 'scripts/**', 'tests/**/*.ts'],
    rules: { 'max-lines': ['error', { max: 500 }] },
  },
  {
    files: ['src-renderer/**/*.svelte'],
    rules: {
      'svelte/no-at-html-tags': 'error',
      // The content security policy allows no style attribute: use classes, or style: directives, which set properties one by one.
      'no-restricted-syntax': [
        'error',
        { selector: "SvelteAttribute[key.name='style']", message: 'No style attribute: a class or a style: directive.' },
      ],
    },
  },
  {
    files: ['src-renderer/**/*.{ts,svelte}'],
    // Rows and replies are $state.raw and replaced whole, so a Map or Set inside is never mutated where it is shown.
    rules: { 'svelte/prefer-svelte-reactivity': 'off' },
  },
)
