import { defineConfig } from 'vitest/config';

/** The built site in a real browser: `npm run e2e`, after `npm run build`. */
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    environment: 'node',
    maxWorkers: 2,
    hookTimeout: 60_000,
  },
});
