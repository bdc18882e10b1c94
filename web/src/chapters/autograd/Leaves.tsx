import { useEffect, useState } from 'react';
import { readSmallNumber } from '../../figures/number.ts';

/** The numbers at the start of the graph: a slider and a field for each. */
export function Leaves(props: {
  names: readonly string[];
  values: Readonly<Record<string, number>>;
  onChange: (name: string, value: number) => void;
}) {
  return (
    <div className="grid grid-cols-[repeat(auto-fill,minmax(15rem,1fr))] gap-x-6 gap-y-2">
      {props.names.map((name) => (
        <Leaf
          key={name}
          name={name}
          value={props.values[name] ?? 1}
          onChange={(value) => props.onChange(name, value)}
        />
      ))}
    </div>
  );
}

function Leaf(props: { name: string; value: number; onChange: (value: number) => void }) {
  const [text, setText] = useState(String(props.value));
  useEffect(() => {
    setText((kept) => (readLeaf(kept) === props.value ? kept : String(props.value)));
  }, [props.value]);
  return (
    <div className="flex items-center gap-3">
      <span className="tile tile-small font-mono" aria-hidden="true">
        {props.name}
      </span>
      <input
        type="range"
        className="h-9 min-w-0 flex-1 accent-[var(--blue)]"
        aria-label={`${props.name}, slider`}
        min={-10}
        max={10}
        step={0.1}
        value={props.value}
        onChange={(event) => props.onChange(event.target.valueAsNumber)}
      />
      <input
        className="field w-20 font-mono !text-sm"
        aria-label={`${props.name}, value`}
        inputMode="decimal"
        value={text}
        autoComplete="off"
        aria-invalid={readLeaf(text) === null}
        onChange={(event) => {
          setText(event.target.value);
          const value = readLeaf(event.target.value);
          if (value !== null) props.onChange(value);
        }}
        onBlur={() => setText(String(props.value))}
      />
    </div>
  );
}

/** null for what is no number, or too large to mean anything here. */
function readLeaf(text: string): number | null {
  const value = readSmallNumber(text);
  return value === null || Math.abs(value) > 1e6 ? null : value;
}
