/** From numbers to places on a drawing, for all curves and axes of the page. */

import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { Interval, Point } from './plot.ts';

/** A straight scale; it clamps nothing. `ticks(n)` are round numbers for its axis. */
export function linear(domain: Interval, range: Interval) {
  return scaleLinear<number>().domain(domain).range(range);
}

const drawn = line<Point>()
  .defined(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
  .digits(1);

/** The `d` of a path through these points, to a tenth of a unit; it stops where a number is missing. */
export function pathThrough(points: Iterable<Point>): string {
  return drawn([...points]) ?? '';
}
