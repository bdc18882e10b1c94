/** Adam (Kingma and Ba 2014): momentum, and a step size for each parameter. */

import { power } from './elementary.ts';

export interface AdamConfig {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

export const ADAM_DEFAULTS: AdamConfig = { beta1: 0.85, beta2: 0.99, eps: 1e-8 };

/**
 * One update, number `step` (from 1), in place: all arrays are flat, one number a parameter.
 *
 * m: running mean of the gradient (which way); v: of its square (how sure). Both start at 0, so
 * early means are too small and are divided by 1 - beta^step.
 */
export function adamUpdate(
  p: Float64Array,
  m: Float64Array,
  v: Float64Array,
  grads: Float64Array,
  step: number,
  learningRate: number,
  { beta1, beta2, eps }: AdamConfig,
): void {
  const rate = learningRate / (1 - power(beta1, step));
  const correct = 1 / (1 - power(beta2, step));
  const keep1 = 1 - beta1;
  const keep2 = 1 - beta2;
  for (let i = 0; i < p.length; i++) {
    const g = grads[i]!;
    const mean = beta1 * m[i]! + keep1 * g;
    const square = beta2 * v[i]! + keep2 * g * g;
    m[i] = mean;
    v[i] = square;
    p[i]! -= (rate * mean) / (Math.sqrt(square * correct) + eps);
  }
}
