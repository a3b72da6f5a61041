import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds the API: a running recorder, or `npm run mock`. */
const recorder = process.env['VIGIE_URL'] ?? 'http://127.0.0.1:8090';

export default defineConfig({
  plugins: [svelte()],
  // Below whatever path `<base>` names.
  base: './',
  build: {
    target: ['chrome120', 'firefox121', 'safari17'],
    // Everything by its own address: the pages' policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', sw: 'src/push/sw.ts' },
      // A service worker has one address for ever.
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  server: {
    proxy: { '/api': { target: recorder, ws: true, changeOrigin: false } },
  },
  test: { include: ['src/**/*.test.ts'] },
});
