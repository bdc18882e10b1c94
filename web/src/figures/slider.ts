/** A slider as this page draws it: a thick line and a yellow block. */
export const SLIDER =
  'h-8 w-full min-w-0 cursor-ew-resize appearance-none bg-transparent disabled:cursor-not-allowed disabled:opacity-45 ' +
  '[&::-webkit-slider-runnable-track]:h-1 [&::-webkit-slider-runnable-track]:bg-line ' +
  '[&::-webkit-slider-thumb]:-mt-2.5 [&::-webkit-slider-thumb]:h-6 [&::-webkit-slider-thumb]:w-3.5 [&::-webkit-slider-thumb]:appearance-none [&::-webkit-slider-thumb]:border-3 [&::-webkit-slider-thumb]:border-line [&::-webkit-slider-thumb]:bg-yellow ' +
  '[&::-moz-range-track]:h-1 [&::-moz-range-track]:bg-line ' +
  '[&::-moz-range-thumb]:h-5 [&::-moz-range-thumb]:w-2 [&::-moz-range-thumb]:border-3 [&::-moz-range-thumb]:border-line [&::-moz-range-thumb]:bg-yellow';
