// Money and other figures as guests read them. Everything comes as integers and stays integers.
import type { Lang } from "./types";

const NARROW = "\u202f";
const HARD = "\u00a0";

const SIGNS: Record<string, { sign: string; digits: number }> = {
  RUB: { sign: "₽", digits: 2 },
  UZS: { sign: "soʻm", digits: 2 },
  KZT: { sign: "₸", digits: 2 },
};

/** `125050, "RUB", "ru"` → `1 250,50 ₽`; whole roubles are shown without kopecks. */
export function money(minor: number, currency: string, lang: Lang): string {
  const { sign, digits } = SIGNS[currency] ?? { sign: currency, digits: 2 };
  const unit = 10 ** digits;
  const whole = Math.trunc(Math.abs(minor) / unit);
  const part = Math.abs(minor) % unit;
  const point = lang === "en" ? "." : ",";
  const tail = part === 0 ? "" : point + String(part).padStart(digits, "0");
  return `${minor < 0 ? "−" : ""}${grouped(whole, lang)}${tail}${HARD}${sign}`;
}

/** `12500` → `12 500` (Russian, Uzbek) or `12,500` (English). */
export function grouped(value: number, lang: Lang): string {
  const text = String(Math.trunc(value));
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, lang === "en" ? "," : NARROW);
}
