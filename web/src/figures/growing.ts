import { useEffect, useState } from 'react';

/**
 * How many of n parts to draw: a few at once, then more, a task at a time, so that opening a long
 * chapter never holds up the page. All of them once they are there.
 */
export function useGrowing(n: number, first: number, more = 2): number {
  const [count, setCount] = useState(first);
  useEffect(() => {
    if (count >= n) return;
    const timer = setTimeout(() => setCount(count + more), 0);
    return () => clearTimeout(timer);
  }, [count, n, more]);
  return Math.min(count, n);
}
