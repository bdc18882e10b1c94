import { useMemo } from 'react';
import { judges } from '../../engine/heldOut.ts';
import { count } from '../../figures/format.ts';
import { Num } from '../../figures/Num.tsx';
import { Predict } from '../../figures/Quiz.tsx';
import { useCompute, useExplorer, useLoaded, useSettings } from '../../store/use.ts';
import {
  AS_IS,
  DOCUMENTS,
  lossesOf,
  lossOfOthers,
  MUCH,
  NO_ATTENTION,
  SOME,
  worthOf,
} from './worth.ts';

const BOTH = [AS_IS, NO_ATTENTION];

/** What is attention worth? Judged by the measurement that the panel below shows in full. */
export function Without() {
  const { loaded, run, params } = useLoaded();
  const step = useExplorer((s) => s.step);
  const id = `attention muted ${loaded.source.name}`;
  const answered = useSettings((s) => s.answers[id] !== undefined);
  const tested = judges(run, DOCUMENTS);
  const measured = useCompute(
    'losses',
    useMemo(() => (answered ? lossesOf(BOTH, params, tested) : null), [answered, params, tested]),
  );
  const [asIs, without] = (measured.done && measured.value) || [];
  const known = asIs !== undefined && without !== undefined;
  return (
    <Predict
      id={id}
      question={`Take all of attention away from a model trained for ${count(step)} steps. What happens to its mean loss on ${tested.title}?`}
      options={[
        { value: 'worse', label: `much worse: +${MUCH} or more` },
        { value: 'some', label: `worse, by ${SOME} to ${MUCH}` },
        { value: 'little', label: `hardly anything: less than ${SOME}` },
      ]}
      truth={known ? worthOf(without - asIs) : null}
    >
      {known ? (
        <>
          The mean loss goes from{' '}
          <Num cell={lossOfOthers(`as it is, on ${tested.title}`, asIs)} places={4} /> to{' '}
          <Num cell={lossOfOthers(`without attention, on ${tested.title}`, without)} places={4} />.
          On a single document it may change far more, by chance; below, the other parts of the
          model are measured on the same documents.
        </>
      ) : (
        'This is being measured now.'
      )}
    </Predict>
  );
}
