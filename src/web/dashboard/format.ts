// Times, ages and money as people at headquarters read them.
import { clock, dayName } from "../shared/dates";
import { grouped, money as plain } from "../shared/money";
import { ahead } from "./api";
import { lang, t } from "./say";
import { now } from "./state";

/** Headquarters' clock. */
export function there(): number {
  return now.value + ahead.value;
}

export function money(minor: number, currency: string): string {
  return plain(minor, currency, lang.value);
}

export function count(n: number): string {
  return grouped(n, lang.value);
}

/** `12 s`, `5 min`, `3 h`, `2 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return t("span.s", { n: seconds });
  if (seconds < 3600) return t("span.min", { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) {
    const minutes = Math.floor((seconds % 3600) / 60);
    return seconds < 6 * 3600 && minutes > 0 ? `${t("span.h", { n: Math.floor(seconds / 3600) })} ${t("span.min", { n: minutes })}` : t("span.h", { n: Math.floor(seconds / 3600) });
  }
  return t("span.d", { n: Math.floor(seconds / 86_400) });
}

export function since(at: number): string {
  const ms = there() - at;
  return ms < 5000 ? t("ago.now") : t("ago", { age: span(ms) });
}

/** `14:05` today, `22 November, 14:05` otherwise. */
export function moment(at: number): string {
  const far = new Date(at).toDateString() !== new Date(there()).toDateString();
  return far ? `${dayName(at, null, lang.value)}, ${clock(at)}` : clock(at);
}

export function date(at: number): string {
  return dayName(at, null, lang.value);
}

/** `2026-11-22` as `22 November`. */
export function day(text: string): string {
  const at = Date.parse(`${text}T12:00:00Z`);
  return Number.isNaN(at) ? text : dayName(at, "UTC", lang.value);
}

export function exact(at: number): string {
  const d = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export const iso = (at: number): string => new Date(at).toISOString().slice(0, 10);
