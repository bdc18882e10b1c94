import { useEffect, useRef } from 'react';
import { moveInGrid } from '../../figures/roving.ts';
import { beside, type Layout, NODE, type Point, SIGN } from './layout.ts';
import { type Edge, edgeKey, type Frame, type Run } from './steps.ts';
import { brief, compact, operation } from './words.ts';

const TRACK = 3.5; // half the distance of the forward line from the backward line
const HEAD = 10; // length of an arrow head
const STRIP = 26; // height of a node's head

/**
 * The graph: data flow to the right in blue, gradients to the left in red, what works now is
 * yellow. One tab stop; the arrow keys go from node to node.
 */
export function Graph(props: {
  run: Run;
  frame: Frame;
  layout: Layout;
  selected: number | null;
  onSelect: (node: number) => void;
}) {
  const { run, frame, layout, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = layout;
  const target = layout.nodes[frame.node];

  useEffect(() => {
    if (!target || !box.current) return;
    const others = frame.kind === 'backward' ? frame.pushes.map(({ to }) => to) : [];
    const left = Math.min(target.x, ...others.map((i) => layout.nodes[i]!.x));
    reveal(box.current, left / width, (target.x + NODE.width) / width);
  }, [target, frame, layout, width]);

  const order = run.built.nodes
    .map((_, i) => i)
    .sort((a, b) => {
      const [p, q] = [layout.nodes[a]!, layout.nodes[b]!];
      return p.layer - q.layer || p.row - q.row;
    });
  const receivers = new Set(frame.pushes.map((push) => push.to));
  return (
    <div ref={box} className="overflow-x-auto" onKeyDown={moveInGrid}>
      <svg
        role="group"
        aria-label={`Graph of ${run.built.nodes[run.result]!.label}: ${run.built.nodes.length} nodes. The arrow keys move between them.`}
        viewBox={`0 0 ${width} ${height}`}
        style={{ '--w': `${width}px`, maxWidth: width * 1.15 } as React.CSSProperties}
        className="mx-auto block w-full min-w-[calc(var(--w)*0.95)] select-none font-mono lg:min-w-[calc(var(--w)*0.72)]"
      >
        {target && (
          <rect
            x={target.x + 5}
            y={target.y + 5}
            width={NODE.width}
            height={NODE.height}
            fill="var(--line)"
          />
        )}
        {run.edges.map((edge, i) => (
          <Line
            key={edgeKey(edge.to, edge.input)}
            edge={edge}
            line={layout.lines[i]!}
            frame={frame}
          />
        ))}
        {order.map((i) => {
          const { x, y, layer, row } = layout.nodes[i]!;
          const node = run.built.nodes[i]!;
          const known = frame.known[i]!;
          const grad = frame.grads[i]!;
          const leaf = node.inputs.length === 0;
          const now = frame.node === i;
          const data = known ? compact(node.data) : '';
          const gradient = grad === null ? '' : compact(grad);
          const head = now ? 'var(--yellow)' : leaf || !known ? 'var(--panel)' : 'var(--ink)';
          const text = now ? '#121212' : !known ? 'var(--soft)' : leaf ? 'var(--ink)' : 'var(--bg)';
          return (
            <g
              key={i}
              role="button"
              data-at={`${row},${layer}`}
              tabIndex={i === (selected ?? order[0]) ? 0 : -1}
              aria-pressed={i === selected}
              transform={`translate(${x} ${y})`}
              className="cursor-pointer outline-none"
              onFocus={() => props.onSelect(i)}
              onClick={() => props.onSelect(i)}
            >
              <rect width={NODE.width} height={NODE.height} fill="var(--panel)" />
              <rect width={NODE.width} height={STRIP} fill={head} />
              {receivers.has(i) && (
                <rect y="52" width={NODE.width} height={NODE.height - 52} fill="var(--yellow)" />
              )}
              <path
                d={`M1.5 1.5h${NODE.width - 3}v${NODE.height - 3}h${3 - NODE.width}zM0 ${STRIP}h${NODE.width}`}
                fill="none"
                stroke={known ? 'var(--line)' : 'var(--hair)'}
                strokeWidth="3"
              />
              {selected === i && (
                <rect
                  x="-6"
                  y="-6"
                  width={NODE.width + 12}
                  height={NODE.height + 12}
                  fill="none"
                  stroke="var(--blue)"
                  strokeWidth="3"
                />
              )}
              <text x="8" y="18.5" fontSize="14" fontWeight="800" fill={text}>
                {`${node.label} `}
              </text>
              <text x={NODE.width - 8} y="18.5" fontSize="12.5" textAnchor="end" fill={text}>
                {`${operation(node)} `}
              </text>
              <Row y={45} name="data" value={data} colour="var(--blue)" />
              <Row
                y={68}
                name="grad"
                value={gradient}
                colour={receivers.has(i) ? '#121212' : 'var(--red)'}
                nameColour={receivers.has(i) ? '#121212' : 'var(--soft)'}
              />
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function Row(props: {
  y: number;
  name: string;
  value: string;
  colour: string;
  nameColour?: string;
}) {
  return (
    <>
      <text x="7" y={props.y} fontSize="11" fill={props.nameColour ?? 'var(--soft)'}>
        {`${props.name} `}
      </text>
      <text
        x={NODE.width - 6}
        y={props.y}
        fontSize="12.75"
        fontWeight="700"
        textAnchor="end"
        fill={props.colour}
      >
        {`${props.value} `}
      </text>
    </>
  );
}

/** An edge: what may flow is grey, data blue, gradients red; the sign is the local gradient. */
function Line({ edge, line, frame }: { edge: Edge; line: readonly Point[]; frame: Frame }) {
  const open = frame.known[edge.to]!;
  const back = frame.passed.has(edgeKey(edge.to, edge.input));
  const now = frame.node === edge.to && (frame.kind === 'forward' || frame.kind === 'backward');
  const [endX, endY] = line.at(-1)!;
  const forth = beside(line, -TRACK);
  const home = beside(line, TRACK).reverse();
  const signX = endX - HEAD - 4 - SIGN.width;
  return (
    <g>
      {!open && <Track line={line} colour="var(--hair)" width={3} />}
      {open && <Track line={forth} colour="var(--blue)" width={4} drawn />}
      {back && <Track line={home} colour="var(--red)" width={4} drawn />}
      {open && (
        <>
          <rect
            x={signX}
            y={endY - SIGN.height / 2}
            width={SIGN.width}
            height={SIGN.height}
            fill={now ? 'var(--yellow)' : 'var(--panel)'}
            stroke="var(--line)"
            strokeWidth="1.5"
          />
          <text
            x={signX + SIGN.width / 2}
            y={endY + 4.2}
            fontSize="11.5"
            fontWeight="600"
            textAnchor="middle"
            fill={now ? '#121212' : 'var(--ink)'}
          >
            {brief(edge.local)}
          </text>
        </>
      )}
    </g>
  );
}

/** A thick line with an arrow head at its end; `drawn` lets it grow when it first appears. */
function Track(props: { line: readonly Point[]; colour: string; width: number; drawn?: boolean }) {
  const { line, colour, drawn } = props;
  const [x, y] = line.at(-1)!;
  const side = Math.sign(x - line.at(-2)![0]) || 1;
  const body = [...line.slice(0, -1), [x - side * (HEAD - 1), y] as const];
  return (
    <>
      <path
        d={`M${body.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join('L')}`}
        fill="none"
        stroke={colour}
        strokeWidth={props.width}
        {...(drawn
          ? {
              pathLength: 1,
              strokeDasharray: '1 1',
              className:
                '[stroke-dashoffset:0] transition-[stroke-dashoffset] duration-500 starting:[stroke-dashoffset:1]',
            }
          : {})}
      />
      <path d={`M${x} ${y}l${-side * HEAD} -6v12z`} fill={colour} />
    </>
  );
}

/** Scroll the box until a part of its width, given as shares, can be seen; its right end at least. */
function reveal(box: HTMLElement, from: number, to: number): void {
  const [left, right] = [from * box.scrollWidth - 8, to * box.scrollWidth + 8];
  const now = box.scrollLeft;
  const next = Math.max(Math.min(now, left), right - box.clientWidth);
  if (Math.abs(next - now) < 1) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  box.scrollTo({ left: next, behavior: still ? 'auto' : 'smooth' });
}
