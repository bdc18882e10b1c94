/** What a loss would say of a probability, and how strongly it would pull; softmax at its limits. */

import { exp, log } from '../../engine/elementary.ts';

/** −log p, in nats. */
export function minusLog(p: number): number {
  return -log(p);
}

/** (1 − p)². */
export function squared(p: number): number {
  return (1 - p) ** 2;
}

/** d(−log p) / d(logit of the target): p − 1. */
export function minusLogSlope(p: number): number {
  return p - 1;
}

/** d(1 − p)² / d(logit of the target): the slope in p, times p (1 − p) of the softmax. */
export function squaredSlope(p: number): number {
  return -2 * (1 - p) * p * (1 - p);
}

/** A softmax that does not take the largest off first: it overflows beyond 709. */
export function careless(logits: ArrayLike<number>): { powers: number[]; shares: number[] } {
  const powers = Array.from(logits, (x) => exp(x));
  const total = powers.reduce((sum, e) => sum + e, 0);
  return { powers, shares: powers.map((e) => e / total) };
}

/** How many equally likely tokens would be as surprising. */
export function choices(nats: number): number {
  return exp(nats);
}
