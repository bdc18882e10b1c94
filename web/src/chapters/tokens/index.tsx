import { useMemo, useState } from 'react';
import type { Normalization } from '../../engine/config.ts';
import { GlassError } from '../../engine/errors.ts';
import { normalized, Tokenizer } from '../../engine/tokenizer.ts';
import { CodePanel } from '../../figures/CodePanel.tsx';
import { CATEGORIES, categoryOf } from '../../figures/categories.ts';
import { Choice, Panel } from '../../figures/Panel.tsx';
import { Check, Predict } from '../../figures/Quiz.tsx';
import { definition, line } from '../../figures/source.ts';
import { setDocument } from '../../store/explorer.ts';
import { useExplorer, useLoaded } from '../../store/use.ts';

const CODE = [definition('class Tokenizer')];
const ENCODE = line('class Tokenizer', 'return [self.bos');
const VOCABULARY = line('class Tokenizer', 'self.chars = sorted');

/** From text to numbers and back. */
export default function Tokens() {
  const { tokenizer, loaded } = useLoaded();
  const running = useExplorer((s) => s.document);
  const [typed, setTyped] = useState<string | null>(null);
  const [marked, setMarked] = useState<number | null>(null);
  const [form, setForm] = useState<Normalization>(tokenizer.normalize);
  const text = typed ?? running;
  const viewed = useMemo(() => new Tokenizer(tokenizer.chars, form), [tokenizer, form]);
  const chars = [...normalized(text, form)];
  const problem = problemOf(viewed, text);
  const present = [...new Set(tokenizer.chars.map(categoryOf))];

  return (
    <div className="mt-4 space-y-6">
      <p className="prose">
        The model computes with numbers, so each character gets an id: its position in the sorted
        list of all characters of the data. One more id, <b>BOS</b>, is not a character. It marks
        both the beginning and the end of a document: to stop, the model has to generate BOS.
      </p>

      <Predict
        id={`vocabulary ${loaded.source.name}`}
        question="How many different tokens does the data have, including BOS?"
        options={[...new Set([17, 27, 57, 256, tokenizer.vocab_size])]
          .sort((a, b) => a - b)
          .map((n) => ({ value: `${n}`, label: `${n}` }))}
        truth={`${tokenizer.vocab_size}`}
      >
        {tokenizer.chars.length} characters occur in this data, and BOS is one more. There is no
        padding token and no token for unknown characters.
      </Predict>

      <Panel title="text to tokens" caption="type anything">
        <div className="flex flex-wrap items-center gap-3">
          <input
            className="field min-w-0 flex-1 text-xl font-semibold"
            aria-label="Text to tokenize"
            value={text}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
          />
          <Choice
            label="Unicode normal form"
            options={[
              { value: 'nfc', label: 'NFC' },
              { value: 'nfd', label: 'NFD' },
              { value: 'none', label: 'as is' },
            ]}
            value={form}
            onChange={setForm}
          />
          <button
            type="button"
            className="btn btn-red"
            disabled={problem !== '' || chars.length === 0}
            onClick={() => {
              setDocument(text);
              setTyped(null);
            }}
          >
            run it
          </button>
        </div>
        <ol className="mt-4 flex flex-wrap gap-2" aria-label="Tokens">
          <TokenCard token="BOS" id={tokenizer.bos} />
          {chars.map((char, i) => (
            <TokenCard
              key={i}
              token={shown(char, tokenizer)}
              char={char}
              id={tokenizer.chars.indexOf(char)}
              marked={marked !== null && tokenizer.chars[marked] === char}
            />
          ))}
          <TokenCard token="BOS" id={tokenizer.bos} />
        </ol>
        <p className="caption mt-3 min-h-6" aria-live="polite">
          {problem ? (
            <span className="font-medium text-red">{problem}</span>
          ) : (
            <>
              {chars.length} characters, {chars.length + 2} tokens. {forms(text)}
            </>
          )}
        </p>
        <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm" aria-label="Colours">
          {present.map((category) => (
            <li key={category} className="flex items-center gap-1.5">
              <span
                className="inline-block h-3.5 w-3.5 border-2 border-line"
                style={{ background: CATEGORIES[category].colour }}
              />
              {CATEGORIES[category].title}
            </li>
          ))}
        </ul>
      </Panel>

      <div className="columns-of-two">
        <Panel title="the vocabulary" caption="character, id, code point">
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(4.25rem,1fr))] gap-1">
            {[...tokenizer.chars, ''].map((char, id) => (
              <li
                key={char}
                className="border-2 border-line bg-panel text-center"
                style={
                  char
                    ? { borderBottom: `6px solid ${CATEGORIES[categoryOf(char)].colour}` }
                    : undefined
                }
                onPointerEnter={() => setMarked(id)}
                onPointerLeave={() => setMarked(null)}
              >
                <span
                  className={`block leading-8 ${char ? 'text-xl font-bold' : 'text-sm font-bold'}`}
                >
                  {char ? shown(char, tokenizer) : 'BOS'}
                </span>
                <span className="block font-mono text-xs">{id}</span>
                <span className="caption block pb-0.5 font-mono !text-[0.65rem]">
                  {char ? hex(char) : '–'}
                </span>
              </li>
            ))}
          </ul>
        </Panel>
        <div className="min-w-0 space-y-6">
          <CodePanel show={CODE} lit={problem ? [ENCODE] : [VOCABULARY, ENCODE]} />
          <Panel title="one letter, two code points?">
            <p className="text-sm">
              Unicode can write some letters in two ways. <b>NFC</b> composes, <b>NFD</b> takes
              apart:
            </p>
            <table className="mt-2 w-full text-left text-sm">
              <thead>
                <tr className="border-b-2 border-line">
                  <th scope="col">text</th>
                  <th scope="col">NFC</th>
                  <th scope="col">NFD</th>
                </tr>
              </thead>
              <tbody>
                {['é', 'क\u093c', 'ऩ', 'की', '한'].map((sample) => (
                  <tr key={sample} className="border-b border-hair">
                    <th scope="row" className="py-1 text-lg">
                      {sample}
                    </th>
                    {(['nfc', 'nfd'] as const).map((f) => (
                      <td key={f} className="font-mono text-xs">
                        {[...normalized(sample, f)].map(hex).join(' ')}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
            <p className="caption mt-2">
              की is two characters in both, a consonant and its matra: NFD changes nothing there.
              The nukta of क़ stays separate in both forms, that of ऩ only in NFD.
            </p>
          </Panel>
          <Panel title="check yourself">
            <Check
              id="tokens first id"
              question={`Which id does the first character of ${running} have?`}
              expect={{ number: tokenizer.encode(running)[1]! }}
              hints={[
                'The vocabulary above shows every character with its id.',
                'Find the first character of the document there; ids start at 0.',
              ]}
              explain={`${running} is [${tokenizer.encode(running).join(', ')}].`}
            />
            <Check
              id="tokens predictions"
              question={`How many predictions does the model make on ${running}?`}
              expect={{
                number: Math.min(tokenizer.encode(running).length - 1, loaded.run.model.block_size),
              }}
              hints={[
                'At each token but the last it predicts the next one.',
                `Count the tokens, both BOS included, and take one away; there are at most ${loaded.run.model.block_size} (block_size).`,
              ]}
              explain="one for each token but the closing BOS: that one is only predicted, never read."
            />
          </Panel>
        </div>
      </div>
    </div>
  );
}

function TokenCard(props: { token: string; char?: string; id: number; marked?: boolean }) {
  const known = props.id >= 0;
  return (
    <li
      className={`min-w-16 border-3 text-center ${known ? 'border-line' : 'border-red'} ${props.marked ? 'bg-yellow text-[#121212]' : 'bg-panel'}`}
      style={
        props.char && known
          ? { borderBottom: `8px solid ${CATEGORIES[categoryOf(props.char)].colour}` }
          : undefined
      }
    >
      <span
        className={`block h-12 leading-[3rem] ${props.token === 'BOS' ? 'text-sm' : 'text-2xl'} font-bold`}
      >
        {props.token}
      </span>
      <span className="block font-mono text-sm font-bold">{known ? props.id : 'none'}</span>
      <span className="caption block px-1 pb-1 font-mono !text-[0.7rem]">
        {props.char ? hex(props.char) : 'both ends'}
      </span>
    </li>
  );
}

/** A character as people can see it: marks on a dotted circle. */
function shown(char: string, tokenizer: Tokenizer): string {
  const id = tokenizer.chars.indexOf(char);
  if (id >= 0) return tokenizer.token(id);
  return /\p{M}/u.test(char) ? `◌${char}` : char === ' ' ? '␣' : char;
}

function hex(char: string): string {
  return `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

function problemOf(tokenizer: Tokenizer, text: string): string {
  try {
    tokenizer.encode(text);
    return '';
  } catch (error) {
    if (error instanceof GlassError) return error.message;
    throw error;
  }
}

function forms(text: string): string {
  const [composed, apart] = (['nfc', 'nfd'] as const).map((f) => [...normalized(text, f)].length);
  return composed === apart
    ? 'NFC and NFD split it in the same way.'
    : `In NFC it has ${composed} characters, in NFD ${apart}.`;
}
