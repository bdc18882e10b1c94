import { useEffect, useState } from 'react';
import { Bar } from '../../figures/Bars.tsx';
import { count } from '../../figures/format.ts';
import { Panel } from '../../figures/Panel.tsx';
import { useExplorer, useLoaded } from '../../store/use.ts';
import { type ModelGraph, modelGraphSteps } from './modelGraph.ts';

/** Beyond this, making a Value of every number would hold up the page. */
const MOST = 300_000;
const MOST_LAYERS = 16;

/** The same graph at its real size: what one document makes. */
export function NameGraph() {
  const { params } = useLoaded();
  const { config } = params;
  const ids = useExplorer((s) => s.ids);
  const running = useExplorer((s) => s.document);
  const total = params.data.length;
  const fits = total * ids.length <= MOST && config.n_layer <= MOST_LAYERS;
  const [graph, setGraph] = useState<ModelGraph | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: other weights make the same nodes
  useEffect(() => {
    if (!fits) return;
    const steps = modelGraphSteps(params, ids);
    let timer = 0;
    const work = () => {
      const { done, value } = steps.next();
      if (done) setGraph(value);
      else timer = window.setTimeout(work);
    };
    timer = window.setTimeout(work);
    return () => clearTimeout(timer);
  }, [config, ids, fits]);

  return (
    <Panel title="the graph of one document" caption={running}>
      {!fits ? (
        <p className="text-sm">
          With {count(total)} parameters and {ids.length} tokens the graph is too large to build
          number by number in a web page.
        </p>
      ) : graph ? (
        <>
          <p className="text-sm">
            <b className="text-2xl font-black">{count(graph.computed)}</b> Values are computed to
            find the loss of <b>{running}</b>, from {count(graph.parameters)} of the {count(total)}{' '}
            parameters. They were computed and counted just now.
          </p>
          <ul className="mt-3 space-y-1">
            {graph.operations.map(({ op, n }) => (
              <li key={op} className="grid grid-cols-[3rem_1fr_4rem] items-center gap-3">
                <span className="font-mono text-sm font-bold">{op}</span>
                <Bar share={n / graph.operations[0]!.n} strip="h-3.5 border-2 border-line" />
                <span className="text-right font-mono text-sm">{count(n)}</span>
              </li>
            ))}
          </ul>
          <p className="caption mt-3">
            The longest path from the loss to a parameter passes {count(graph.depth)} Values; longer
            texts and more layers make it longer. A backward pass that calls itself could go as
            deep, and Python stops at about 1,000 calls within calls. So reference.py keeps its own
            stack. The graph is thrown away after each step. Only the parameters stay, so only their
            gradients have to be reset to 0.
          </p>
        </>
      ) : (
        <p className="caption h-[22rem]">counting…</p>
      )}
    </Panel>
  );
}
