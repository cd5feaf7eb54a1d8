// How this guest wants the screen: within reach of a wheelchair, larger, in sharper contrast, with more time.
// The choices hold until the screen is free again.
import { computed, effect, signal } from "@preact/signals";

export type Mode = "reach" | "large" | "contrast" | "calm";
export const allModes: readonly Mode[] = ["reach", "large", "contrast", "calm"];

export const modes = signal<ReadonlySet<Mode>>(new Set());

/** Whoever asked for any help is given more time as well. */
export const unhurried = computed(() => modes.value.size > 0);

export function toggleMode(mode: Mode): void {
  const next = new Set(modes.peek());
  if (!next.delete(mode)) next.add(mode);
  modes.value = next;
}

export function calmDown(): void {
  if (modes.peek().size > 0) modes.value = new Set();
}

/** Nothing moves for those who asked for it here or in their system. */
export function still(): boolean {
  return modes.peek().has("calm") || matchMedia("(prefers-reduced-motion: reduce)").matches;
}

export function watchModes(): void {
  effect(() => {
    for (const mode of allModes) document.documentElement.classList.toggle(`mode-${mode}`, modes.value.has(mode));
  });
}
