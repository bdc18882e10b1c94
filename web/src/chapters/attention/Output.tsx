import { likeliest } from '../../engine/sample.ts';
import { TokenBars } from '../../figures/Bars.tsx';
import { Cells, probability, rowCells } from '../../figures/Cells.tsx';
import { largestOf } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { useScene } from '../../store/scene.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

/** From the heads to the stream: side by side, mixed, added; and what comes of it at the end. */
export function Output() {
  const { trace, tokenizer } = useLoaded();
  const scene = useScene();
  const position = useExplorer((s) => s.position);
  const layer = useExplorer((s) => s.layer);
  const { n_head, n_embd } = trace.config;
  const rows = ['attn_out', 'attn_proj', 'attn_resid'].map((short) => ({
    label: short,
    cells: rowCells(`layer${layer}.${short}`, position, n_embd),
  }));
  const probs = trace.values.row('probs', position);
  const target = trace.values.targets[position]!;
  return (
    <Panel
      title={`the output of the heads at position ${position}`}
      caption={`${n_head} heads of ${n_embd / n_head} numbers make one vector of ${n_embd}`}
    >
      <Cells
        name="From heads to stream"
        rows={rows}
        largest={Math.max(...rows.map((row) => largestOf(scene, row.cells)))}
        labelWidth="6.5rem"
      />
      <p className="caption mt-1 mb-4 max-w-[80ch]">
        attn_out: the outputs of the heads, one after the other. attn_proj: each number combines all
        heads with the weights of wo. attn_resid: the result added to the stream. After the MLP,
        lm_head turns the stream into logits, and they into these probabilities:
      </p>
      <div className="max-w-2xl">
        <TokenBars
          rows={likeliest(probs, 4).map(([id]) => ({
            token: tokenizer.token(id),
            cell: probability(position, id),
            mark: id === target ? 'target' : undefined,
          }))}
        />
      </div>
    </Panel>
  );
}
