import { type ReactNode, useEffect, useRef, useState } from 'react';

/** A table that may be wider than the page: it scrolls, and takes the focus only where it does. */
export function Scroll(props: { name: string; className?: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setScrolls(element.scrollWidth > element.clientWidth + 1);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const focusable = scrolls ? { tabIndex: 0, role: 'region', 'aria-label': props.name } : {};
  return (
    <div ref={box} className={`relative overflow-x-auto ${props.className ?? ''}`} {...focusable}>
      {props.children}
    </div>
  );
}
