import { type ReactNode, useEffect, useRef } from 'react';

/** The browser's own modal dialog: focus stays in it, Escape closes it, focus returns. */
export function Dialog(props: { title: string; onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
    <dialog
      ref={ref}
      aria-label={props.title}
      className="panel m-auto w-[min(40rem,calc(100vw-2rem))] max-w-none p-5 text-ink backdrop:bg-black/50"
      onClose={props.onClose}
      onClick={(event) => {
        if (event.target === ref.current) ref.current?.close(); // the backdrop
      }}
    >
      <header className="mb-4 flex items-center justify-between gap-4">
        <h2 className="text-xl font-black">{props.title}</h2>
        <button type="button" className="btn" onClick={() => ref.current?.close()}>
          close
        </button>
      </header>
      {props.children}
    </dialog>
  );
}
