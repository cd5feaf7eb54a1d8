// A card scanner types like a keyboard, only faster than any hand, and ends with Enter. What was typed so is a card.
import { useEffect } from "preact/hooks";

/** A hand takes longer than this between two keys. */
const HAND_MS = 45;
/** Fewer characters are no card. */
const LEAST = 6;

export interface Burst { text: string; at: number }

/** What a key at a time makes of what came before it; plain values. */
export function heard(before: Burst, key: string, at: number): { burst: Burst; card: string | null } {
  const text = at - before.at <= HAND_MS ? before.text : "";
  if (key === "Enter") return { burst: { text: "", at }, card: text.length >= LEAST ? text : null };
  // A shift key beside a letter is part of the letter.
  if (key === "Shift") return { burst: { text, at }, card: null };
  return { burst: { text: /^[\w-]$/.test(key) ? text + key : "", at }, card: null };
}

/** Calls `onCard` for every card that is scanned while the screen is open, and keeps its Enter from pressing anything. */
export function useScanner(onCard: (card: string) => void): void {
  useEffect(() => {
    let burst: Burst = { text: "", at: 0 };
    const listen = (event: KeyboardEvent) => {
      const next = heard(burst, event.key, event.timeStamp);
      burst = next.burst;
      if (next.card === null) return;
      event.preventDefault();
      event.stopPropagation();
      onCard(next.card);
    };
    addEventListener("keydown", listen, { capture: true });
    return () => removeEventListener("keydown", listen, { capture: true });
  }, [onCard]);
}
