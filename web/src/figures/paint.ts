/** Numbers as coloured squares on a canvas: blue above zero, red below, the panel's colour at zero. */

export type Colour = readonly [red: number, green: number, blue: number];

export interface Palette {
  readonly panel: Colour;
  readonly above: Colour;
  readonly below: Colour;
  readonly ink: string;
  readonly soft: string;
  readonly hair: string;
  readonly yellow: string;
  readonly mono: string;
}

const palettes = new Map<string | undefined, Palette>();

/** The colours of the theme in force; read once, for asking makes the browser lay out the page. */
export function palette(): Palette {
  const { theme } = document.documentElement.dataset;
  let colours = palettes.get(theme);
  if (!colours) {
    colours = readPalette();
    palettes.set(theme, colours);
  }
  return colours;
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const text = (name: string) => style.getPropertyValue(name).trim();
  return {
    panel: parseColour(text('--panel')),
    above: parseColour(text('--tint-pos')),
    below: parseColour(text('--tint-neg')),
    ink: text('--ink'),
    soft: text('--soft'),
    hair: text('--hair'),
    yellow: text('--yellow'),
    mono: text('--font-mono') || 'monospace',
  };
}

/** `#1040c0` or `#14c` as numbers. */
export function parseColour(hex: string): Colour {
  const digits = hex.replace('#', '');
  const wide = digits.length === 3 ? [...digits].map((digit) => digit + digit).join('') : digits;
  const value = Number.parseInt(wide, 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** How strong the colour of a number is, 0 to 1: the square root, so that small numbers show. */
export function strength(value: number, largest: number): number {
  return Math.sqrt(Math.min(1, Math.abs(value) / largest));
}

export function tint(value: number, largest: number, { panel, above, below }: Palette): Colour {
  const full = value < 0 ? below : above;
  const much = strength(value, largest);
  const mix = (i: 0 | 1 | 2) => Math.round(panel[i] + (full[i] - panel[i]) * much);
  return [mix(0), mix(1), mix(2)];
}

/** Paint a matrix, row by row, with its corner at (x, y). */
export function paintMatrix(
  context: CanvasRenderingContext2D,
  scratch: HTMLCanvasElement,
  values: ArrayLike<number>,
  shape: { rows: number; columns: number; x: number; y: number },
  cell: number,
  largest: number,
  colours: Palette,
): void {
  const { rows, columns, x, y } = shape;
  scratch.width = columns;
  scratch.height = rows;
  const small = scratch.getContext('2d')!;
  const image = small.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const [red, green, blue] = tint(values[i]!, largest, colours);
    image.data.set([red, green, blue, 255], 4 * i);
  }
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, x, y, columns * cell, rows * cell);
  if (cell >= 5) {
    const line = cell >= 16 ? 2 : 1;
    context.fillStyle = `rgb(${colours.panel.join(' ')})`;
    for (let c = 1; c < columns; c++) context.fillRect(x + c * cell - line, y, line, rows * cell);
    for (let r = 1; r < rows; r++) context.fillRect(x, y + r * cell - line, columns * cell, line);
  }
}

/** Give a canvas so many CSS pixels at the density of the screen, ready to draw in CSS pixels. */
export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const context = canvas.getContext('2d');
  if (!context) return null;
  const scale = devicePixelRatio;
  const across = Math.max(1, Math.round(width * scale));
  const down = Math.max(1, Math.round(height * scale));
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * A canvas that is not on the page, drawn once and then copied. Text belongs here: to set a font on
 * a canvas of the page makes the browser lay the page out first.
 */
export function layer(
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D) => void,
): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  const context = prepare(canvas, width, height);
  if (context) draw(context);
  return canvas;
}
