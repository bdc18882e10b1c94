import type { ReactNode } from 'react';

/** A framed exhibit with a caption. */
export function Panel(props: {
  title: string;
  caption?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section className={`panel min-w-0 p-4 ${props.className ?? ''}`} aria-label={props.title}>
      <header className="mb-3 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 className="text-sm font-bold">{props.title}</h2>
        {props.caption && <div className="caption">{props.caption}</div>}
      </header>
      {props.children}
    </section>
  );
}

/** Choices of which one holds, as a row of buttons. */
export function Choice<T extends string>(props: {
  label: string;
  options: readonly { value: T; label: ReactNode; name?: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = props.options.findIndex((option) => option.value === props.value);
    const next = props.options[(at + step + props.options.length) % props.options.length]!;
    props.onChange(next.value);
    const group = event.currentTarget;
    requestAnimationFrame(() => {
      group.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
    });
  };
  return (
    <div
      role="radiogroup"
      aria-label={props.label}
      className="flex flex-wrap gap-1"
      onKeyDown={move}
    >
      {props.options.map(({ value, label, name }) => (
        <button
          key={value}
          type="button"
          role="radio"
          className="btn"
          aria-checked={value === props.value}
          aria-label={name}
          tabIndex={value === props.value ? 0 : -1}
          onClick={() => props.onChange(value)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
