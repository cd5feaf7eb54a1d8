// A long list of which only what is seen is there: which lines those are follows from where the window stands.
import { useEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

export interface Window { first: number; last: number }

/** Lines kept above and below what is seen. */
const MORE = 12;

export function windowOf(top: number, height: number, line: number, lines: number): Window {
  const first = Math.max(0, Math.floor(top / line) - MORE);
  const last = Math.min(lines, Math.ceil((top + height) / line) + MORE);
  return { first: Math.min(first, Math.max(0, last)), last };
}

export function useWindow(list: RefObject<HTMLElement | null>, line: number, lines: number): Window {
  const [seen, setSeen] = useState<Window>({ first: 0, last: Math.min(lines, 40) });
  useEffect(() => {
    let waiting = 0;
    const look = () => {
      waiting = 0;
      const top = list.current ? -list.current.getBoundingClientRect().top : 0;
      const next = windowOf(Math.max(0, top), innerHeight, line, lines);
      setSeen((before) => (before.first === next.first && before.last === next.last ? before : next));
    };
    const soon = () => (waiting ||= requestAnimationFrame(look));
    look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(waiting);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [line, lines]);
  return seen;
}
