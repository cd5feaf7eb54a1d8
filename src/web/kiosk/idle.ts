// A guest who walked away: after a minute without a touch the kiosk asks, and a quarter of a minute later it is free.
import { effect, signal } from "@preact/signals";
import { paying, reset, screen } from "./state";

export const IDLE_MS = 60_000;
export const QUESTION_S = 15;

/** Seconds left to answer, or null while nobody is asked. */
export const secondsLeft = signal<number | null>(null);

let quiet: ReturnType<typeof setTimeout> | undefined;
let beat: ReturnType<typeof setInterval> | undefined;

export function stay(): void {
  clearTimeout(quiet);
  clearInterval(beat);
  secondsLeft.value = null;
  if (screen.peek() === "attract" || paying.peek()) return;
  quiet = setTimeout(ask, IDLE_MS);
}

function ask(): void {
  secondsLeft.value = QUESTION_S;
  beat = setInterval(() => {
    const left = (secondsLeft.peek() ?? 0) - 1;
    if (left > 0) {
      secondsLeft.value = left;
      return;
    }
    leave();
  }, 1000);
}

export function leave(): void {
  clearTimeout(quiet);
  clearInterval(beat);
  secondsLeft.value = null;
  reset();
}

export function watchIdle(): void {
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"] as const) {
    addEventListener(kind, () => secondsLeft.peek() === null && stay(), { passive: true, capture: true });
  }
  effect(() => {
    void screen.value;
    void paying.value;
    stay();
  });
}
