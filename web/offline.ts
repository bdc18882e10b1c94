/** A Vite plugin: the service worker that keeps the whole page for use without a network. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Plugin } from 'vite';

/** Not worth keeping: pictures for other sites' previews. */
const LEFT_OUT = /^(og\.png|sw\.js)$/;

export function offline(): Plugin {
  let out = '';
  return {
    name: 'offline',
    apply: 'build',
    configResolved(config) {
      out = resolve(config.root, config.build.outDir);
    },
    writeBundle: {
      sequential: true,
      order: 'post',
      handler() {
        const files = list(out)
          .map((file) => relative(out, file))
          .filter((file) => !LEFT_OUT.test(file))
          .sort();
        const hash = createHash('sha256');
        for (const file of files) hash.update(file).update(readFileSync(join(out, file)));
        const version = hash.digest('hex').slice(0, 16);
        const worker = readFileSync(new URL('./sw.js', import.meta.url), 'utf8')
          .replace("'VERSION'", JSON.stringify(version))
          .replace("['FILES']", JSON.stringify(files.map((file) => `./${file}`)));
        writeFileSync(join(out, 'sw.js'), worker);
      },
    },
  };
}

function list(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? list(path) : [path];
  });
}
