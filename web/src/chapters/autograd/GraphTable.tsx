import { useState } from 'react';
import { Table } from '../../figures/Table.tsx';
import type { Frame, Run } from './steps.ts';
import { formula, number } from './words.ts';

/** The same as the picture, to read. */
export function GraphTable({ run, frame }: { run: Run; frame: Frame }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-3 text-sm" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="w-fit font-semibold">the graph as a table</summary>
      {open && (
        <Table
          name="Graph as a table"
          least="min-w-max"
          className="mt-2"
          columns={[
            { head: 'name', className: 'font-mono' },
            { head: 'operation', words: true, className: 'font-mono' },
            { head: 'data' },
            { head: 'local gradients', words: true, className: 'font-mono' },
            { head: 'grad' },
          ]}
          lines={run.built.nodes.map((node, i) => ({
            key: i,
            head: node.label,
            look: frame.node === i ? 'lit' : undefined,
            cells: [
              node.inputs.length ? formula(node) : 'leaf',
              frame.known[i] ? number(node.data) : '–',
              frame.known[i] && node.inputs.length ? localGradients(node) : '–',
              frame.grads[i] === null ? '–' : number(frame.grads[i]!),
            ],
          }))}
        />
      )}
    </details>
  );
}

function localGradients({ inputs, localGrads }: Run['built']['nodes'][number]): string {
  return inputs.map(({ label }, k) => `${label}: ${number(localGrads[k]!)}`).join(', ');
}
