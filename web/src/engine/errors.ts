/** What can go wrong, each with one line for the person at the keyboard; as in `errors.py`. */

export class GlassError extends Error {
  override name = 'GlassError';
}

/** A setting that cannot work. */
export class ConfigError extends GlassError {
  override name = 'ConfigError';
}

/** A data set or a text that cannot be used. */
export class DataError extends GlassError {
  override name = 'DataError';
}

/** A run or model file that cannot be read or written. */
export class RunError extends GlassError {
  override name = 'RunError';
}

/** Training produced a loss that is not a finite number. */
export class DivergedError extends GlassError {
  override name = 'DivergedError';
}
