// What a part of the page shows, read when its address changes and again with each beat. What was read stays on the screen
// while it is read anew, and when headquarters does not answer.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, Refusal } from "./api";
import { beat } from "./state";

export interface Loaded<T> {
  value: T | null;
  /** In headquarters' words. */
  refused: string | null;
  again(): void;
}

export function useLoaded<T>(path: string | null, fresh = true): Loaded<T> {
  const [value, setValue] = useState<{ path: string; value: T } | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const [again, setAgain] = useState(0);
  const tick = fresh ? beat.value : 0;
  const running = useRef<string | null>(null);
  useEffect(() => {
    if (path === null) return;
    // One at a time of one thing; a slow answer is not asked for again.
    const id = `${path} ${again}`;
    if (running.current === id) return;
    running.current = id;
    void get<T>(path)
      .then((one) => {
        if (running.current !== id) return;
        setValue({ path, value: one });
        setRefused(null);
      })
      .catch((error: unknown) => {
        if (running.current === id && error instanceof Refusal) setRefused(error.message);
      })
      .finally(() => {
        if (running.current === id) running.current = null;
      });
  }, [path, tick, again]);
  return { value: value?.value ?? null, refused, again: () => setAgain((n) => n + 1) };
}
