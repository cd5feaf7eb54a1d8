// Days and times as guests read them, in the store's zone. Chromium knows no Uzbek dates, so only the figures come
// from it (in the zone asked for) and every word is ours.
import { lang, t } from "./i18n";
import type { Lang } from "./types";

export interface Moment {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

const formatters = new Map<string, Intl.DateTimeFormat | null>();

function formatter(zone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  let made: Intl.DateTimeFormat | null = null;
  try {
    made = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" });
  } catch {
    // A zone this browser has never heard of: its own clock's zone is the best guess.
  }
  formatters.set(zone, made);
  return made;
}

/** The calendar figures of `at` (milliseconds since 1970 UTC) in `zone` (an IANA name). */
export function momentIn(at: number, zone: string | null | undefined): Moment {
  const made = zone ? formatter(zone) : null;
  if (!made) {
    const local = new Date(at);
    return { year: local.getFullYear(), month: local.getMonth() + 1, day: local.getDate(), hour: local.getHours(), minute: local.getMinutes() };
  }
  const parts: Record<string, number> = {};
  for (const part of made.formatToParts(at)) parts[part.type] = Number(part.value);
  return { year: parts["year"] ?? 0, month: parts["month"] ?? 1, day: parts["day"] ?? 1, hour: parts["hour"] ?? 0, minute: parts["minute"] ?? 0 };
}

const months: Record<Lang, string[]> = {
  ru: ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"],
  uz: ["yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avgust", "sentabr", "oktabr", "noyabr", "dekabr"],
  en: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
};

/** `14:05`: all three languages read the time the same way. */
export function clock(at: number, zone?: string | null): string {
  const { hour, minute } = momentIn(at, zone);
  return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

/** `22.11.2026, 04:29`: as the printer writes it. */
export function stamp(at: number, zone?: string | null): string {
  const { year, month, day } = momentIn(at, zone);
  return `${String(day).padStart(2, "0")}.${String(month).padStart(2, "0")}.${year}, ${clock(at, zone)}`;
}

/** `22 ноября`, `22-noyabr`, `22 November`. */
export function dayName(at: number, zone?: string | null, to: Lang = lang.value): string {
  const { day, month } = momentIn(at, zone);
  const name = months[to][month - 1] ?? "";
  return to === "uz" ? `${day}-${name}` : `${day} ${name}`;
}

type Nearness = "today" | "tomorrow" | "day";

function nearness(at: number, now: number, zone?: string | null): Nearness {
  const day = (one: Moment) => Date.UTC(one.year, one.month - 1, one.day) / 86_400_000;
  const days = day(momentIn(at, zone)) - day(momentIn(now, zone));
  return days <= 0 ? "today" : days === 1 ? "tomorrow" : "day";
}

/** "до 14:30", "до завтра, 09:00", "до 25 ноября, 09:00". */
export function untilText(at: number, now: number, zone?: string | null, to: Lang = lang.value): string {
  return t(`until.${nearness(at, now, zone)}`, { time: clock(at, zone), day: dayName(at, zone, to) }, to);
}

/** "снова в 14:30", "снова завтра в 09:00", "снова 25 ноября в 09:00". */
export function backText(at: number, now: number, zone?: string | null, to: Lang = lang.value): string {
  return t(`back.${nearness(at, now, zone)}`, { time: clock(at, zone), day: dayName(at, zone, to) }, to);
}
