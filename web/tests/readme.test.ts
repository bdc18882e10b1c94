/** README.md says how a chapter and a figure are added; this does so in a copy, to the letter. */

import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const README = readFileSync(join(WEB, 'README.md'), 'utf8');
const COPIED = ['src', 'gallery', 'tests', 'wasm', 'package.json', 'tsconfig.json', 'biome.json'];
const ALSO = ['vite.config.ts', 'vite.gallery.config.ts', 'offline.ts', 'sw.js', 'index.html'];

interface Step {
  readonly file: string;
  readonly code: string;
}

/** The files that a section names, each with the code that stands below its name. */
function steps(title: string): Step[] {
  const [, section = ''] = README.split(`## ${title}\n`);
  const [body = ''] = section.split('\n## ');
  let file = '';
  return [...body.matchAll(/^ {3}\*([^*]+)\*$|^ {3}```\w+\n([\s\S]*?)^ {3}```$/gm)].flatMap(
    ([, name, code]) => {
      if (name) file = name;
      return code ? { file, code: code.replace(/^ {3}/gm, '') } : [];
    },
  );
}

describe('the recipes of README.md', () => {
  let top: string;
  let web: string;
  const run = (command: string, ...args: string[]) =>
    promisify(execFile)(join(WEB, 'node_modules/.bin', command), args, { cwd: web }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string; stderr: string }) => {
        throw new Error(`${command} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
      },
    );
  const follow = ({ file, code }: Step) => {
    const path = join(web, file);
    if (!existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, code);
      return;
    }
    const old = readFileSync(path, 'utf8');
    // An import goes to the others, a line of a list to its end.
    const place = code.startsWith('import ')
      ? old.indexOf('\nimport ') + 1
      : old.search(/^(\]|};)/m);
    expect(place, file).toBeGreaterThan(0);
    writeFileSync(path, old.slice(0, place) + code + old.slice(place));
  };

  beforeAll(() => {
    top = mkdtempSync(join(tmpdir(), 'recipe-'));
    web = join(top, 'web');
    mkdirSync(web);
    for (const name of [...COPIED, ...ALSO]) {
      cpSync(join(WEB, name), join(web, name), { recursive: true });
    }
    cpSync(join(WEB, '../conformance'), join(top, 'conformance'), { recursive: true });
    mkdirSync(join(top, 'src/glassgpt'), { recursive: true });
    const reference = 'src/glassgpt/reference.py';
    cpSync(join(WEB, '..', reference), join(top, reference));
    symlinkSync(join(WEB, 'node_modules'), join(web, 'node_modules'));
    writeFileSync(join(web, 'tsconfig.json'), tsconfig());
  });
  afterAll(() => rmSync(top, { recursive: true, force: true }));
  const tsconfig = () =>
    readFileSync(join(WEB, 'tsconfig.json'), 'utf8').replace(/"tests", "e2e", "\*\.ts"/, '"tests"');

  test('name what they add', () => {
    const files = (title: string) => steps(title).map(({ file }) => file);
    expect(files('Add a chapter')).toEqual([
      'src/chapters/vowels/text.tsx',
      'src/chapters/vowels/counts.ts',
      'src/chapters/vowels/index.tsx',
      'src/chapters/contents.ts',
      'tests/vowels.test.ts',
    ]);
    expect(files('Add a figure')).toEqual([
      'src/figures/Dots.tsx',
      'gallery/pages.tsx',
      'gallery/pages.tsx',
    ]);
  });

  test('lead to a chapter and a figure that pass every check', async () => {
    for (const step of [...steps('Add a chapter'), ...steps('Add a figure')]) follow(step);
    await run('tsc', '--noEmit');
    const added = ['src/chapters', 'src/figures/Dots.tsx', 'gallery', 'tests/vowels.test.ts'];
    await run('biome', 'lint', ...added);
    const tests = ['vowels', 'layers', 'language'].map((name) => `tests/${name}.test.ts`);
    await run('vitest', 'run', ...tests);
    await run('vite', 'build', '--outDir', join(top, 'site'), '--logLevel', 'error');
    await run('vite', 'build', '-c', 'vite.gallery.config.ts', '--outDir', join(top, 'gallery'));
    const has = (folder: string, words: string) =>
      readdirSync(join(top, folder, 'assets')).some(
        (name) =>
          name.endsWith('.js') &&
          readFileSync(join(top, folder, 'assets', name), 'utf8').includes(words),
      );
    expect(has('site', 'letters that sound alone')).toBe(true);
    expect(has('site', 'vowels of the running document')).toBe(true);
    expect(has('site', 'no dots')).toBe(false);
    expect(has('gallery', 'no dots')).toBe(true);
  }, 120_000);
});
