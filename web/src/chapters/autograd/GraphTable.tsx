import { useState } from 'react';
import type { Frame, Run } from './steps.ts';
import { formula, number } from './words.ts';

/** The same as the picture, to read. */
export function GraphTable({ run, frame }: { run: Run; frame: Frame }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-3 text-sm" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="w-fit font-semibold">the graph as a table</summary>
      {open && (
        <div
          className="mt-2 overflow-x-auto"
          tabIndex={0}
          role="region"
          aria-label="Graph as a table"
        >
          <table className="text-left">
            <thead>
              <tr className="border-b-2 border-line">
                {['name', 'operation', 'data', 'local gradients', 'grad'].map((title) => (
                  <th key={title} scope="col" className="pr-6">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="font-mono">
              {run.built.nodes.map((node, i) => (
                <tr
                  key={i}
                  className={`border-b border-hair ${frame.node === i ? 'bg-yellow text-[#121212]' : ''}`}
                >
                  <th scope="row" className="pr-6">
                    {node.label}
                  </th>
                  <td className="whitespace-nowrap pr-6">
                    {node.inputs.length ? formula(node) : 'leaf'}
                  </td>
                  <td className="whitespace-nowrap pr-6">
                    {frame.known[i] ? number(node.data) : '–'}
                  </td>
                  <td className="whitespace-nowrap pr-6">
                    {frame.known[i] && node.inputs.length
                      ? node.inputs
                          .map((input, k) => `${input.label}: ${number(node.localGrads[k]!)}`)
                          .join(', ')
                      : '–'}
                  </td>
                  <td className="whitespace-nowrap pr-6">
                    {frame.grads[i] === null ? '–' : number(frame.grads[i]!)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
