/** The picture of imports: they run one way, never in a circle, and no chapter knows another. */

import { readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));
const SOURCES = Object.fromEntries(
  Object.keys(import.meta.glob('../src/**/*.{ts,tsx}')).map((path) => {
    const name = path.replace('../src/', '');
    return [name, readFileSync(resolve(SRC, name), 'utf8')];
  }),
);

/** Each may import what stands before it, and itself. */
const LAYERS = ['engine', 'worker', 'store', 'figures', 'chapters', 'frame', 'main.tsx'];
/** All that the frame and chapters may know of the chapters as a whole. */
const REGISTRY: Record<string, readonly string[]> = {
  frame: ['chapters/index.ts', 'chapters/contents.ts'],
  chapters: ['chapters/contents.ts'],
};
/** Files outside src. */
const OUTSIDE: Record<string, readonly string[]> = {
  'worker/kernel.ts': ['../wasm/kernel.mjs'],
  'figures/source.ts': ['../../src/glassgpt/reference.py'],
};

/** What a file names in `from`, `import` and `import()`: in its folder, or a package. */
function imports(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found = code.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g);
  return [...found].map(([, path = '']) => path.replace(/\?.*$/, ''));
}

function target(file: string, path: string): string {
  return relative(SRC, resolve(SRC, dirname(file), path)).replaceAll(sep, '/');
}

function layer(file: string): string {
  return file.split('/')[0] ?? '';
}

/** The chapter that a file belongs to; the registry and the table of contents belong to none. */
function chapter(file: string): string | null {
  const [top, folder, ...rest] = file.split('/');
  return top === 'chapters' && rest.length > 0 ? (folder ?? null) : null;
}

/** What is wrong with one import, in words; null where it is right. */
function fault(file: string, to: string): string | null {
  if (to.startsWith('../')) return OUTSIDE[file]?.includes(to) ? null : 'leaves src';
  const [from, into] = [layer(file), layer(to)];
  if (LAYERS.indexOf(into) > LAYERS.indexOf(from)) return `${from} may not know ${into}`;
  if (into !== 'chapters') return null;
  if (from === 'frame') return REGISTRY.frame?.includes(to) ? null : 'only the registry is open';
  const own = chapter(file);
  if (own === null || chapter(to) === own || REGISTRY.chapters?.includes(to)) return null;
  return 'a chapter may not know another';
}

function graph(sources: Record<string, string>): Map<string, string[]> {
  return new Map(
    Object.entries(sources).map(([file, text]) => [
      file,
      imports(text)
        .filter((path) => path.startsWith('.'))
        .map((path) => target(file, path)),
    ]),
  );
}

function faults(sources: Record<string, string>): string[] {
  return [...graph(sources)].flatMap(([file, targets]) =>
    targets.flatMap((to) => {
      const why = fault(file, to);
      return why ? `${file} → ${to}: ${why}` : [];
    }),
  );
}

/** Files that reach themselves, each circle once, from its first file in the alphabet. */
function circles(sources: Record<string, string>): string[] {
  const edges = graph(sources);
  const found: string[] = [];
  const clear = new Set<string>();
  const walk = (file: string, path: string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(' → '));
    if (at >= 0 || clear.has(file)) return;
    for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
    clear.add(file);
  };
  for (const file of [...edges.keys()].sort()) walk(file, []);
  return found;
}

describe('imports', () => {
  test('run one way', () => expect(faults(SOURCES)).toEqual([]));
  test('never in a circle', () => expect(circles(SOURCES)).toEqual([]));
  test('exist', () => {
    expect(Object.keys(SOURCES).length).toBeGreaterThan(100);
    const broken = [...graph(SOURCES)].flatMap(([file, targets]) =>
      targets.filter((to) => !(to in SOURCES) && !OUTSIDE[file]?.includes(to)),
    );
    expect(broken.filter((to) => !to.endsWith('.css'))).toEqual([]);
  });
  test('of the engine and the worker need no DOM and no React', () => {
    const bad = Object.entries(SOURCES).flatMap(([file, text]) => {
      if (!['engine', 'worker'].includes(layer(file))) return [];
      const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
      const packages = imports(text).filter((path) => !path.startsWith('.'));
      const dom =
        /\b(document\.(?!$)(body|create|query|get|documentElement)|window\.|localStorage)/;
      return packages.length > 0 || dom.test(code) ? file : [];
    });
    expect(bad).toEqual([]);
  });
});

describe('the test itself sees', () => {
  test.each([
    ['an arrow that runs back', { 'engine/a.ts': "import { x } from '../store/b.ts';" }],
    ['a chapter in a chapter', { 'chapters/a/b.ts': "import type { x } from '../c/d.ts';" }],
    ['a chapter loaded late', { 'chapters/a/b.ts': "const x = () => import('../c/d.ts');" }],
    [
      'a chapter that knows the registry',
      { 'chapters/a/b.ts': "import { x } from '../index.ts';" },
    ],
    ['the frame in a chapter', { 'frame/a.tsx': "import { x } from '../chapters/c/d.ts';" }],
    ['a chapter in the frame', { 'chapters/a/b.ts': "export { x } from '../../frame/d.ts';" }],
    ['a way out', { 'store/a.ts': "import x from '../../../secret.ts';" }],
  ])('%s', (_, sources) => expect(faults(sources)).toHaveLength(1));
  test('a circle', () => {
    const sources = {
      'store/a.ts': "import { b } from './b.ts';",
      'store/b.ts': "import {\n  type c,\n} from './c.ts';",
      'store/c.ts': "import './a.ts';",
    };
    expect(circles(sources)).toEqual(['store/a.ts → store/b.ts → store/c.ts → store/a.ts']);
  });
});
