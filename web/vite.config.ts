import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { offline } from './offline.ts';

export default defineConfig({
  base: './', // any host, any sub-path
  plugins: [react(), tailwindcss(), offline()],
  build: {
    outDir: '../src/glassgpt/site', // inside the Python package, and so in the wheel
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // a strict policy allows no data: fonts
  },
  worker: { format: 'es' },
  test: {
    include: ['tests/**/*.test.ts'],
    benchmark: { include: ['tests/**/*.bench.ts'] },
    environment: 'node',
  },
});
