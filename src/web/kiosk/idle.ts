// A guest who walked away: after a minute without a touch the kiosk asks, and a quarter of a minute later it is free.
// Guests who asked for more time get it; a ticket that was read has nothing to lose and leaves without a question.
import { effect, signal } from "@preact/signals";
import { reset } from "./checkout";
import { unhurried } from "./modes";
import { avoided, paying, screen, sheet, store } from "./state";

export const TICKET_S = 45;

/** Seconds left to answer, or null while nobody is asked. */
export const secondsLeft = signal<number | null>(null);
/** Seconds after which the ticket leaves by itself. */
export const ticketLeft = signal<number | null>(null);

let quiet: ReturnType<typeof setTimeout> | undefined;
let beat: ReturnType<typeof setInterval> | undefined;

function limits(): { reset_s: number; ask_s: number } {
  const { reset_s, ask_s, calm_factor } = store.peek()?.idle ?? { reset_s: 60, ask_s: 15, calm_factor: 2 };
  const factor = unhurried.peek() ? Math.max(1, calm_factor) : 1;
  return { reset_s: reset_s * factor, ask_s: Math.round(ask_s * factor) };
}

export function askSeconds(): number {
  return limits().ask_s;
}

function stop(): void {
  clearTimeout(quiet);
  clearInterval(beat);
  secondsLeft.value = null;
  ticketLeft.value = null;
}

export function stay(): void {
  stop();
  if (paying.peek()) return;
  if (screen.peek() === "attract") {
    // Nobody is asked before an order; what was set for a guest who left is undone quietly.
    if (touched()) quiet = setTimeout(leave, limits().reset_s * 1000);
    return;
  }
  if (screen.peek() === "ticket") countDown(ticketLeft, Math.round(TICKET_S * (limits().reset_s / 60)));
  else quiet = setTimeout(() => countDown(secondsLeft, limits().ask_s), limits().reset_s * 1000);
}

function touched(): boolean {
  return unhurried.peek() || avoided.peek().size > 0 || sheet.peek() !== null;
}

function countDown(left: typeof secondsLeft, from: number): void {
  left.value = from;
  beat = setInterval(() => {
    const now = (left.peek() ?? 0) - 1;
    if (now > 0) left.value = now;
    else leave();
  }, 1000);
}

export function leave(): void {
  stop();
  reset();
}

export function watchIdle(): void {
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"] as const) {
    addEventListener(kind, () => secondsLeft.peek() === null && stay(), { passive: true, capture: true });
  }
  effect(() => {
    void screen.value;
    void paying.value;
    void unhurried.value;
    void avoided.value;
    void sheet.value;
    stay();
  });
}
