// Which plural form a whole number takes. Chromium has no rules for Uzbek (it would silently take those of the
// machine's language), so the rules of our three languages are written out; they are those of the Unicode CLDR.
import type { Lang } from "./types";

export type PluralForm = "one" | "few" | "many" | "other";

const rules: Record<Lang, (n: number) => PluralForm> = {
  ru: (n) => {
    if (!Number.isInteger(n)) return "other";
    const ten = Math.abs(n) % 10;
    const hundred = Math.abs(n) % 100;
    if (ten === 1 && hundred !== 11) return "one";
    if (ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14)) return "few";
    return "many";
  },
  uz: (n) => (Math.abs(n) === 1 ? "one" : "other"),
  en: (n) => (Math.abs(n) === 1 ? "one" : "other"),
};

export function pluralForm(n: number, lang: Lang): PluralForm {
  return rules[lang](n);
}
