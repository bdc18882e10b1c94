import type { ModelConfig } from '../../engine/config.ts';
import { count } from '../../figures/format.ts';

interface Box {
  readonly title: string;
  readonly shape: string;
  readonly parameters: number;
  readonly chapter: string;
  readonly colour: string;
}

/** The machine from token to probability, with the shapes of the loaded model. */
export function Diagram({ model }: { model: ModelConfig }) {
  const { vocab_size: v, n_embd: e, n_head: h, block_size: b, n_layer } = model;
  const embed: Box[] = [
    {
      title: 'wte[token] + wpe[position]',
      shape: `${v} × ${e}, ${b} × ${e}`,
      parameters: (v + b) * e,
      chapter: 'embeddings',
      colour: 'var(--yellow)',
    },
    {
      title: 'RMSNorm',
      shape: `${e}`,
      parameters: 0,
      chapter: 'embeddings',
      colour: 'var(--panel)',
    },
  ];
  const layer: Box[] = [
    { title: 'RMSNorm', shape: `${e}`, parameters: 0, chapter: 'forward', colour: 'var(--panel)' },
    {
      title: `attention, ${h} heads of ${e / h}`,
      shape: `4 × (${e} × ${e})`,
      parameters: 4 * e * e,
      chapter: 'attention',
      colour: 'var(--blue)',
    },
    { title: 'RMSNorm', shape: `${e}`, parameters: 0, chapter: 'forward', colour: 'var(--panel)' },
    {
      title: 'MLP with ReLU',
      shape: `${4 * e} × ${e}, ${e} × ${4 * e}`,
      parameters: 8 * e * e,
      chapter: 'forward',
      colour: 'var(--red)',
    },
  ];
  const out: Box[] = [
    {
      title: 'lm_head',
      shape: `${v} × ${e}`,
      parameters: v * e,
      chapter: 'forward',
      colour: 'var(--yellow)',
    },
    {
      title: 'softmax, −log p',
      shape: `${v}`,
      parameters: 0,
      chapter: 'loss',
      colour: 'var(--panel)',
    },
  ];
  return (
    <div className="flex flex-col items-stretch gap-4 @3xl:flex-row @3xl:items-center">
      <Boxes boxes={embed} />
      <Arrow />
      <div className="relative flex-1 border-4 border-dashed border-line p-3 pt-8">
        <span className="absolute left-3 top-1 text-sm font-bold">
          {n_layer} {n_layer === 1 ? 'layer' : 'layers'}: x = x + attention(x), x = x + MLP(x)
        </span>
        <Boxes boxes={layer} />
      </div>
      <Arrow />
      <Boxes boxes={out} />
    </div>
  );
}

function Boxes({ boxes }: { boxes: readonly Box[] }) {
  return (
    <ol className="flex min-w-0 flex-1 flex-col gap-2">
      {boxes.map(({ title, shape, parameters, chapter, colour }, i) => (
        <li key={i} className="flex border-3 border-line bg-panel">
          <span className="w-3 shrink-0 border-r-3 border-line" style={{ background: colour }} />
          <span className="min-w-0 px-3 py-1.5">
            <a href={`#/${chapter}`} className="block font-semibold text-ink">
              {title}
            </a>
            <span className="caption block font-mono">
              {shape}
              {parameters > 0 && ` = ${count(parameters)}`}
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}

function Arrow() {
  return (
    <svg
      viewBox="0 0 40 24"
      className="h-6 w-10 shrink-0 rotate-90 self-center @3xl:rotate-0"
      aria-hidden="true"
    >
      <title>then</title>
      <path d="M0 9h22V0l18 12-18 12v-9H0Z" fill="var(--ink)" />
    </svg>
  );
}
