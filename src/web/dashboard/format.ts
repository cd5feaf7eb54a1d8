// Times, ages and money as people at headquarters read them.
import { clock, dayName } from "../shared/dates";
import { grouped, money as plain } from "../shared/money";
import { offsetIn } from "../shared/zone";
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

/** `14:05` today, `22 November, 14:05` otherwise; by the clock of `zone`, or by the viewer's. */
export function moment(at: number, zone?: string): string {
  const far = dayName(at, zone, "en") !== dayName(there(), zone, "en") || Math.abs(at - there()) > 86_400_000;
  return far ? `${dayName(at, zone, lang.value)}, ${clock(at, zone)}` : clock(at, zone);
}

/** ` (UTC+5)` where a store's clock shows another time than the viewer's. */
export function saysZone(zone: string | undefined, at: number): string {
  const off = offsetIn(at, zone);
  return !zone || off === offsetIn(at, undefined) ? "" : ` (${utc(off)})`;
}

/** `Asia/Tashkent, UTC+5`. */
export function zoneName(zone: string): string {
  return `${zone}, ${utc(offsetIn(there(), zone))}`;
}

/** The viewer's own. */
export function ownZone(): string {
  return zoneName(Intl.DateTimeFormat().resolvedOptions().timeZone);
}

function utc(minutes: number): string {
  const far = Math.abs(minutes);
  const rest = far % 60 === 0 ? "" : `:${String(far % 60).padStart(2, "0")}`;
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(far / 60)}${rest}`;
}

export function date(at: number, zone?: string): string {
  return dayName(at, zone, lang.value);
}

/** `2026-11-22` as `22 November`. */
export function day(text: string): string {
  const at = Date.parse(`${text}T12:00:00Z`);
  return Number.isNaN(at) ? text : dayName(at, "UTC", lang.value);
}

export function exact(at: number, zone?: string): string {
  return `${clock(at, zone)}:${String(new Date(at).getSeconds()).padStart(2, "0")}`;
}

export const iso = (at: number): string => new Date(at).toISOString().slice(0, 10);
