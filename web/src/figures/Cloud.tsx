import { useEffect, useRef } from 'react';

/** Type size and weight of each row, px; large ones come forward and drift faster. */
const STYLES: readonly (readonly [size: number, weight: number])[] = [
  [16, 400],
  [22, 500],
  [17, 400],
  [34, 800],
  [18, 400],
  [24, 600],
  [16, 400],
  [28, 700],
  [17, 400],
];
const ROWS = STYLES.length;
const HEIGHTS = STYLES.map(([size]) => Math.round(size * 1.15 + 16));
const TOPS = HEIGHTS.map((_, i) => HEIGHTS.slice(0, i).reduce((sum, h) => sum + h, 0));
const HEIGHT = TOPS[ROWS - 1]! + HEIGHTS[ROWS - 1]!;
const GAP = 26;
const SPEED = 0.7; // px a second for each px of type

interface Placed {
  readonly text: string;
  readonly x: number;
  readonly width: number;
}

interface CloudRow {
  readonly words: Placed[];
  /** After so many pixels the row begins again. */
  length: number;
  /** What part of it stands at the left edge. */
  offset: number;
  /** Whether there is more of it than can be seen; a row that fits stands still in the middle. */
  drifts: boolean;
}

/** Deal the documents out to the rows and place them. */
export function placeRows(
  documents: readonly string[],
  width: number,
  measure: (text: string, row: number) => number,
): CloudRow[] {
  const rows: CloudRow[] = Array.from({ length: ROWS }, () => {
    return { words: [], length: 0, offset: 0, drifts: false };
  });
  documents.forEach((text, i) => {
    const row = rows[i % ROWS]!;
    const measured = measure(text, i % ROWS);
    row.words.push({ text, x: row.length, width: measured });
    row.length += measured + GAP;
  });
  rows.forEach((row, i) => {
    const taken = row.length - GAP;
    row.drifts = taken > width;
    row.offset = row.drifts ? (row.length * ((i * 7) % ROWS)) / ROWS : (taken - width) / 2;
    row.length = Math.max(row.length, width + GAP);
  });
  return rows;
}

/**
 * All documents, drifting in rows on a canvas. Pointing at one stops its row; a click picks it.
 * The search field beside it is the way for keyboards and screen readers.
 */
export function Cloud(props: {
  documents: readonly string[];
  running: string;
  onPick: (document: string) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { documents } = props;

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    let rows: CloudRow[] = [];
    let fonts: string[] = [];
    let pointer: { x: number; y: number } | null = null;
    let frame = 0;
    let before = performance.now();
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;

    const lay = () => {
      const { width } = element.getBoundingClientRect();
      const scale = devicePixelRatio;
      element.width = Math.max(1, Math.round(width * scale));
      element.height = HEIGHT * scale;
      context.setTransform(scale, 0, 0, scale, 0, 0);
      const family = getComputedStyle(element).fontFamily;
      fonts = STYLES.map(([size, weight]) => `${weight} ${size}px ${family}`);
      rows = placeRows(documents, width, (text, row) => {
        context.font = fonts[row]!;
        return context.measureText(text).width;
      });
    };

    const under = (): { row: number; word: Placed } | null => {
      if (!pointer) return null;
      const { y } = pointer;
      const index = TOPS.findIndex((top, i) => y >= top && y < top + HEIGHTS[i]!);
      const row = rows[index];
      if (!row) return null;
      const at = (pointer.x + row.offset) % row.length;
      const word = row.words.find(({ x, width }) => at >= x - GAP / 2 && at < x + width + GAP / 2);
      return word ? { row: index, word } : null;
    };

    const draw = (now: number) => {
      const seconds = Math.min(0.1, (now - before) / 1000);
      before = now;
      const style = getComputedStyle(document.documentElement);
      const ink = style.getPropertyValue('--ink');
      const soft = style.getPropertyValue('--soft');
      const yellow = style.getPropertyValue('--yellow');
      const width = element.width / devicePixelRatio;
      const hit = under();
      context.clearRect(0, 0, width, HEIGHT);
      context.textBaseline = 'middle';
      rows.forEach((row, index) => {
        if (row.drifts && !still && hit?.row !== index) {
          const direction = index % 2 ? 1 : -1;
          const speed = SPEED * STYLES[index]![0];
          row.offset = (row.offset + direction * speed * seconds + row.length) % row.length;
        }
        const y = TOPS[index]! + HEIGHTS[index]! / 2;
        context.font = fonts[index]!;
        for (const word of visible(row, width)) {
          const chosen = hit?.row === index && hit.word.text === word.text;
          const running = word.text === latest.current.running;
          if (chosen || running) {
            context.fillStyle = yellow;
            context.fillRect(word.x - 8, y - HEIGHTS[index]! / 2, word.width + 16, HEIGHTS[index]!);
          }
          context.fillStyle = chosen || running ? '#121212' : STYLES[index]![1] > 400 ? ink : soft;
          context.fillText(word.text, word.x, y);
        }
      });
      frame = requestAnimationFrame(draw);
    };

    const move = (event: PointerEvent) => {
      const box = element.getBoundingClientRect();
      pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const leave = () => {
      pointer = null;
    };
    const click = (event: MouseEvent) => {
      move(event as PointerEvent);
      const hit = under();
      if (hit) latest.current.onPick(hit.word.text);
    };
    const observer = new ResizeObserver(lay);
    observer.observe(element);
    void document.fonts.ready.then(lay);
    lay();
    frame = requestAnimationFrame(draw);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('click', click);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('click', click);
    };
  }, [documents]);

  return (
    <canvas
      ref={canvas}
      className="w-full cursor-pointer font-sans"
      style={{ height: HEIGHT }}
      role="img"
      aria-label={`${props.documents.length} documents drifting by; use the field below to find one`}
    />
  );
}

/** The words of an endless row that stand in the window, with their places on the canvas. */
export function* visible(row: CloudRow, width: number) {
  const { words, length, offset } = row;
  if (words.length === 0) return;
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle]!.x + words[middle]!.width < offset) low = middle + 1;
    else high = middle;
  }
  for (let i = low; ; i++) {
    const lap = Math.floor(i / words.length);
    const word = words[i % words.length]!;
    const x = word.x + lap * length - offset;
    if (x > width || lap > 1) return;
    yield { text: word.text, x, width: word.width };
  }
}
