/** The parts of a model and of its training that can be left out or done otherwise. */

import type { ModelConfig } from '../engine/config.ts';
import type { Interventions } from '../engine/interventions.ts';
import type { Variant } from '../worker/protocol.ts';

/** One thing done otherwise. */
export interface Part {
  readonly id: string;
  readonly title: string;
  /** Of a sentence: 'without …', 'with …'. */
  readonly phrase: string;
  readonly interventions?: (model: ModelConfig) => Interventions;
  readonly variant?: Variant;
  /** All weights begin at 0. */
  readonly zeros?: boolean;
  /** Slow: the scalar engine; only over so many steps. */
  readonly maxSteps?: number;
}

const layers = ({ n_layer }: ModelConfig) => Array.from({ length: n_layer }, (_, i) => i);

export const FULL: Part = { id: 'full', title: 'the whole model', phrase: 'as it is' };

export const PARTS: readonly Part[] = [
  {
    id: 'attention',
    title: 'attention',
    phrase: 'without attention (all heads muted)',
    interventions: (model) => ({
      mutedHeads: layers(model).map(() => Array.from({ length: model.n_head }, (_, h) => h)),
    }),
  },
  {
    id: 'mlp',
    title: 'MLP',
    phrase: 'without the MLP',
    interventions: (model) => ({ mutedMlps: layers(model) }),
  },
  {
    id: 'residual',
    title: 'residuals',
    phrase: 'without residual connections',
    interventions: () => ({ noResiduals: true }),
  },
  {
    id: 'norm',
    title: 'norms',
    phrase: 'without RMSNorm',
    interventions: () => ({ noNorms: true }),
  },
  {
    id: 'positions',
    title: 'positions',
    phrase: 'without position embeddings',
    interventions: () => ({ noPositions: true }),
  },
  {
    id: 'scale',
    title: '1/√d',
    phrase: 'without 1/√d',
    interventions: () => ({ noScaling: true }),
  },
  {
    id: 'decay',
    title: 'decay',
    phrase: 'without decay of the learning rate',
    variant: { constantRate: true },
  },
  {
    id: 'bias',
    title: 'bias correction',
    phrase: "without Adam's bias correction",
    variant: { noBiasCorrection: true },
  },
  {
    id: 'sgd',
    title: 'Adam',
    phrase: 'with plain gradient steps instead of Adam',
    variant: { sgd: true },
  },
  {
    id: 'zeroing',
    title: 'zeroing',
    phrase: 'with gradients that are never zeroed',
    variant: { neverZeroed: true },
  },
  { id: 'zeros', title: 'random start', phrase: 'with all weights 0 at the start', zeros: true },
  {
    id: 'assign',
    title: '+=',
    phrase: 'with = instead of += in backward',
    variant: { assigned: true },
    maxSteps: 1000,
  },
];
