import { likeliest } from '../../engine/sample.ts';
import { lossCell, MEAN_LOSS, probability } from '../../figures/Cells.tsx';
import { excerpt, excerptNote } from '../../figures/excerpt.ts';
import { fixed, percent } from '../../figures/format.ts';
import { NotAsked, Num, tabStop } from '../../figures/Num.tsx';
import { Panel } from '../../figures/Panel.tsx';
import { moveInGrid } from '../../figures/roving.ts';
import { setPosition } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

const UNIFORM = 'the logarithm of the number of tokens, not of this model';

/** Each position's guess, what came, and how surprised the model was. */
export function Positions() {
  const { trace, tokenizer } = useLoaded();
  const position = useExplorer((s) => s.position);
  const running = useExplorer((s) => s.document);
  const selected = useExplorer((s) => s.selected);
  const { values } = trace;
  const n = values.length;
  const uniform = Math.log(trace.config.vocab_size);
  const [from, to] = excerpt(n, position);
  const cells = Array.from({ length: n }, (_, row) => [lossCell(row)]);
  const asked = tabStop(cells, selected, `${position},0`).split(',')[0]!;
  const stop = Number(asked) >= from && Number(asked) < to ? asked : `${position}`;
  const worst = Math.max(uniform, ...cells.map((_, t) => values.get('loss', t, 0)));
  const rows = cells.map((_, t) => {
    const probs = values.row('probs', t);
    const target = values.targets[t]!;
    const [guess] = likeliest(probs, 1)[0]!;
    return { t, target, guess, loss: values.get('loss', t, 0) };
  });
  const right = rows.filter(({ guess, target }) => guess === target).length;
  const at = (x: number) => `${((100 * x) / worst).toFixed(2)}%`;
  const tile = (id: number) => (
    <span className={`tile tile-small ${id === tokenizer.bos ? '!text-[0.625rem]' : ''}`}>
      {tokenizer.token(id)}
    </span>
  );
  return (
    <Panel
      title={`${running}, position by position`}
      caption={
        <>
          {right} of {n} guesses right; mean loss <Num cell={MEAN_LOSS} places={4} />
        </>
      }
    >
      <table className="w-full text-left text-sm" onKeyDown={moveInGrid}>
        <thead>
          <tr className="caption border-b-2 border-line">
            <th scope="col" className="font-medium">
              reads
            </th>
            <th scope="col" className="font-medium">
              comes
            </th>
            <th scope="col" className="font-medium">
              prediction
            </th>
            <th scope="col" className="text-right font-medium">
              p(what came)
            </th>
            <th scope="col" className="pr-1 text-right font-medium">
              −log p
            </th>
            <th scope="col" className="hidden w-2/5 pl-3 font-medium sm:table-cell">
              surprise; the line at <NotAsked why={UNIFORM}>{fixed(uniform, 2)}</NotAsked> is a
              uniform guess
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(from, to).map(({ t, target, guess, loss }) => (
            <tr
              key={t}
              className={`border-b border-hair ${t === position ? 'shadow-[inset_6px_0_0_var(--yellow)]' : ''}`}
            >
              <th scope="row" className="py-1 pl-2.5 font-medium">
                <button
                  type="button"
                  tabIndex={-1}
                  data-at={`${t},0`}
                  className={`tile tile-small ${values.tokens[t] === tokenizer.bos ? '!text-[0.625rem]' : ''}`}
                  aria-label={`go to position ${t}, ${tokenizer.token(values.tokens[t]!)}`}
                  aria-current={t === position}
                  onClick={() => setPosition(t)}
                >
                  {tokenizer.token(values.tokens[t]!)}
                </button>
              </th>
              <td>{tile(target)}</td>
              <td className="whitespace-nowrap">
                {guess === target ? (
                  <b className="bg-yellow px-1.5 text-[#121212]">right</b>
                ) : (
                  <>
                    {tokenizer.token(guess)}{' '}
                    <Num
                      cell={probability(t, guess)}
                      write={(p) => percent(p, 0)}
                      at={`${t},1`}
                      className="caption"
                    />
                  </>
                )}
              </td>
              <td className="text-right font-mono">
                <Num cell={probability(t, target)} write={percent} at={`${t},2`} />
              </td>
              <td className="text-right">
                <Num
                  cell={cells[t]![0]!}
                  largest={Number.POSITIVE_INFINITY}
                  at={`${t},3`}
                  stop={stop === `${t}`}
                  places={3}
                />
              </td>
              <td className="hidden sm:table-cell" aria-hidden="true">
                <span
                  className="ml-3 block h-4"
                  style={{
                    background: `linear-gradient(to right, transparent calc(${at(uniform)} - 1px), var(--line) 0 calc(${at(uniform)} + 1px), transparent 0), linear-gradient(to right, var(--red) ${at(loss)}, var(--bg) 0)`,
                  }}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="caption mt-3 max-w-[80ch]">
        {to - from < n && `Shown: ${excerptNote(n, position)}. `}
        The loss does not just count right and wrong: a wrong prediction that gave the actual token
        19 % costs less than one that gave it 1 %. The loss of the document is the mean of the
        column −log p; training makes it smaller.
      </p>
    </Panel>
  );
}
