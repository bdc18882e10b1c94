/** A trace as plain data, for the way from a worker to the page. */

import { Activations } from '../engine/activations.ts';
import { makePlan } from '../engine/interventions.ts';
import type { Trace } from '../engine/model.ts';
import { Params } from '../engine/params.ts';

export function traceToData({ values, grads, paramGrads, loss }: Trace) {
  return { values: plain(values), grads: plain(grads), paramGrads: paramGrads.data, loss };
}

export type TraceData = ReturnType<typeof traceToData>;

/** Put together again, with what the page knew of it all along. */
export function traceFromData(
  { values, grads, paramGrads, loss }: TraceData,
  asked: Pick<Trace, 'params' | 'document' | 'interventions'>,
): Trace {
  const { config } = asked.params;
  const back = ({ byName, capacity, ...rest }: Plain) =>
    Object.assign(new Activations(config, capacity, byName), rest);
  return {
    ...asked,
    config,
    plan: makePlan(config, asked.interventions),
    values: back(values),
    grads: back(grads),
    paramGrads: new Params(config, paramGrads),
    loss,
  };
}

type Plain = ReturnType<typeof plain>;

function plain(of: Activations) {
  const { byName, capacity, tokens, targets, length, replaced, peeked } = of;
  return { byName: new Map(byName), capacity, tokens, targets, length, replaced, peeked };
}
