import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'electron-vite'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = import.meta.dirname

/** Entries of worker threads, named as platform/worker-file.ts asks for them: library/read-worker and the like. */
const workers = Object.fromEntries(
  globSync('src-main/*/*-worker.ts', { cwd: root }).map((file) => [
    file.replaceAll('\\', '/').replace(/^src-main\/(.*)\.ts$/, '$1'),
    join(root, file),
  ]),
)

// Electron 45 embeds this Chromium; the browsers that open the web host are newer.
const chromium = 'chrome152'

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      rollupOptions: {
        input: { index: join(root, 'src-main/index.ts'), web: join(root, 'src-main/web.ts'), ...workers },
        // Every module lies directly in out/main: worker-file.ts and the resources are found from there.
        output: { chunkFileNames: '[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      // The sandbox lets a preload script require "electron" and nothing else, as CommonJS.
      externalizeDeps: false,
      rollupOptions: {
        input: { preload: join(root, 'src-main/preload.ts') },
        // Of the contract it needs three names; the schemas beside them are only made, never used.
        treeshake: { moduleSideEffects: false, propertyReadSideEffects: false },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: join(root, 'src-renderer'),
    plugins: [svelte()],
    build: {
      outDir: join(root, 'out/renderer'),
      target: chromium,
      // The content security policy allows no inline module preloading.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      // electron-vite leaves it off. The script is read from the disk in one piece before the first paint.
      minify: 'oxc',
      cssMinify: true,
      chunkSizeWarningLimit: 1000,
      rollupOptions: { input: { index: join(root, 'src-renderer/index.html') }, checks: { pluginTimings: false } },
    },
  },
})
