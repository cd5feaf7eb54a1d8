// Days and times as guests read them, in the store's zone. Chromium knows no Uzbek dates, so only the figures come
// from it (in the zone asked for) and every word is ours.
import { lang, t } from "./i18n";
import type { Lang } from "./types";
import { clock, type Moment, momentIn } from "./zone";

export { clock, momentIn, stamp } from "./zone";

const months: Record<Lang, string[]> = {
  ru: ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"],
  uz: ["yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avgust", "sentabr", "oktabr", "noyabr", "dekabr"],
  en: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
};

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
