/** A short mark of a run, so that two people can see that they look at the same numbers. */

/**
 * Eight hexadecimal digits of all losses, each to six decimals: the same on every engine and in
 * every browser, for they agree to 1e-9 (FNV-1a, 32 bits).
 */
export function fingerprint(losses: Iterable<number>): string {
  let hash = 0x811c9dc5;
  for (const loss of losses) {
    for (const char of `${loss.toFixed(6)} `) {
      hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    }
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
