import { useStore } from 'zustand';
import { count } from '../figures/format.ts';
import { finish, isOpen, isUnfinished, putBack, session, stepBefore } from '../store/session.ts';
import { useExplorer, useSession } from '../store/use.ts';

/**
 * Said in the frame of every chapter as long as the model in force has not made all its steps,
 * whatever stopped it. It stands above the footer, so that nothing on the page moves.
 */
export function Unfinished() {
  const loaded = useExplorer((s) => s.loaded);
  const training = useSession((s) => s.training);
  const { status, pacing } = useStore(session);
  if (!loaded || training !== null || !isUnfinished(loaded)) return null;
  const { finalStep, run } = loaded;
  const going = isOpen(loaded) && (pacing || status === 'training');
  const before = stepBefore(loaded);
  const steps = count(run.training.steps);
  return (
    <section
      aria-label="Model on its way"
      className="flex min-h-12 flex-wrap items-center gap-x-3 gap-y-1 border-t-4 border-yellow bg-panel px-3 py-1 text-sm md:px-5"
    >
      <p className="min-w-0 flex-1 font-medium" aria-live={going ? 'off' : 'polite'}>
        {finalStep === 0
          ? `This model has not been trained: it has made none of its ${steps} steps, and its weights are random.`
          : `This model is trained for ${count(finalStep)} of ${steps} steps. All chapters show it as it is now.`}
      </p>
      <button type="button" className="btn" onClick={() => void finish()}>
        {finalStep === 0 ? 'train it' : 'finish the training'}
      </button>
      {before !== null && (
        <button type="button" className="btn" onClick={putBack}>
          put the model of step {count(before)} back
        </button>
      )}
    </section>
  );
}
