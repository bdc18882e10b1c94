import { useLayoutEffect } from 'react';
import { headDim } from '../../engine/config.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { fixed } from '../../figures/format.ts';
import { Gradually } from '../../figures/Gradually.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { Check } from '../../figures/Quiz.tsx';
import { definition, line } from '../../figures/source.ts';
import { explorer, setPosition } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { Cache } from './Cache.tsx';
import { Lab } from './Lab.tsx';
import { Longer } from './Longer.tsx';
import { Matrix } from './Matrix.tsx';
import { Output } from './Output.tsx';
import { Scaling } from './Scaling.tsx';
import { Symmetry } from './Symmetry.tsx';
import { Without } from './Without.tsx';

const CODE = [definition('def softmax'), definition('def attention')];
const LIT = [
  line('def attention', 'scores = ['),
  line('def attention', 'weights = see'),
  line('def attention', 'mixed +='),
];

/** Made once: the lines do not change with the numbers. */
const SOURCE = <CodePanel show={CODE} lit={LIT} />;

/** How positions speak to each other: the only place where they do. */
export default function Attention() {
  const { trace } = useLoaded();
  const running = useExplorer((s) => s.document);
  const position = useExplorer((s) => s.position);
  const layer = useExplorer((s) => s.layer);
  const head = useExplorer((s) => s.head);
  useLayoutEffect(() => {
    // At the first position there is nobody to look back at: begin where there is.
    const { position: at, trace: read } = explorer.getState();
    if (at === 0 && read) setPosition(Math.min(3, read.values.length - 1));
  }, []);
  const { n_head, n_layer } = trace.config;
  const dim = headDim(trace.config);
  const share = trace.values.get(`layer${layer}.attn_weights`, position, 0, head);
  return (
    <div className="mt-4 space-y-6">
      <Gradually>
        <p className="prose">
          Everywhere else in the model each position is processed alone. Attention is where it gets
          information about earlier positions. Each position makes three vectors: a <b>query</b>{' '}
          (what it looks for), a <b>key</b> (what it offers) and a <b>value</b> (what it passes on).
          The query is compared with every key so far; the better they match, the larger the share
          of that value.{' '}
          {n_head === 1 ? 'Here one head does this' : `Here ${n_head} heads do this side by side`},
          each with {dim} numbers{n_layer > 1 ? `, in each of ${n_layer} layers` : ''}.
        </p>
        <Without />

        <Matrix />
        <Cache />
        <Output />
        <Lab />
        <Longer />
        <div className="columns-of-two">
          <Scaling />
          <div className="min-w-0 space-y-6">
            <Symmetry />
            <Panel title="check yourself">
              <Check
                id="attention share"
                question={`Which share does position ${position} give to position 0 in head ${head}? (two decimals)`}
                expect={{ number: share, places: 2 }}
                hints={[
                  'Choose shares above: each row of the matrix says where one position looks.',
                  `Read the first number in the row of position ${position}.`,
                ]}
                explain={`${fixed(share, 4)}; the whole row adds up to 1.`}
              />
              <Check
                id="attention pairs"
                question={`How many scores does one head compute for ${running}, not counting later positions?`}
                expect={{ number: (trace.values.length * (trace.values.length + 1)) / 2 }}
                hints={[
                  'The first position has 1 score, the second has 2, and so on.',
                  `Add them up: 1 + 2 + … + ${trace.values.length}, which is half of ${trace.values.length} · ${trace.values.length + 1}.`,
                ]}
                explain={`1 + 2 + … + ${trace.values.length}: it grows with the square of the length, which makes long texts expensive.`}
              />
            </Panel>
          </div>
        </div>
        {SOURCE}
      </Gradually>
    </div>
  );
}
