import { Component, type ReactNode } from 'react';

interface Props {
  /** What is shown inside, in words: 'chapter 6, Forward pass'. */
  readonly name: string;
  readonly children: ReactNode;
}

/**
 * Keeps the rest of the page alive when a part of it fails, and says so. Give it a key that changes
 * with what is shown, so that a failure ends where its cause does.
 */
export class Boundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div role="alert" className="panel mt-6 max-w-prose border-red p-4">
        <h2 className="text-lg font-bold">The page could not show {this.props.name}.</h2>
        <p className="mt-2">
          {isMissingFile(error)
            ? 'One of its files could not be loaded. There may be no network, or a new version of the page may have been published since you opened it. Reloading brings the new version.'
            : 'This is a fault in the page, not in your data. The other chapters still work.'}
        </p>
        <p className="caption mt-2 break-words font-mono">{error.message}</p>
        <div className="mt-4 flex flex-wrap gap-2">
          <button type="button" className="btn btn-red" onClick={() => location.reload()}>
            reload the page
          </button>
          {!isMissingFile(error) && (
            <button type="button" className="btn" onClick={() => this.setState({ error: null })}>
              try again
            </button>
          )}
          <a className="btn" href="#/">
            go to the start
          </a>
        </div>
      </div>
    );
  }
}

/** Browsers have different words for a script or style sheet that could not be fetched. */
function isMissingFile({ message }: Error): boolean {
  return /dynamically imported module|importing a module|preload CSS|module script/i.test(message);
}
