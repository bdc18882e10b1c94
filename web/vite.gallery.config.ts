import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The figures of the page in all their states, for those who draw them: not part of the site. */
export default defineConfig({
  root: fileURLToPath(new URL('./gallery', import.meta.url)),
  publicDir: '../public',
  base: './',
  plugins: [react(), tailwindcss()],
  build: { target: 'es2022', assetsInlineLimit: 0, emptyOutDir: true },
  worker: { format: 'es' },
});
