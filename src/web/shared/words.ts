// Strings of a page that brings its own catalogue: `{name}` is a place for a value; an object with plural categories
// is chosen by the language's rule for `{n}`.
import { signal } from "@preact/signals";
import type { Lang, Text } from "./types";

type Plural = { one?: string; few?: string; many?: string; other: string };
type Entry = string | Plural;
export type Values = Record<string, string | number>;

/** Chromium knows no Uzbek, whose plurals are those of English. */
const rules: Record<Lang, Intl.PluralRules> = {
  ru: new Intl.PluralRules("ru"),
  uz: new Intl.PluralRules("en"),
  en: new Intl.PluralRules("en"),
};

export const tongues: Lang[] = ["ru", "uz", "en"];
export const tongueNames: Record<Lang, string> = { ru: "Русский", uz: "Oʻzbekcha", en: "English" };

export function isTongue(value: unknown): value is Lang {
  return value === "ru" || value === "uz" || value === "en";
}

export function speak<K extends string>(catalogues: Record<Lang, Record<K, Entry>>) {
  const lang = signal<Lang>("ru");

  function t(key: K, values: Values = {}, to: Lang = lang.value): string {
    const entry: Entry = catalogues[to][key] ?? catalogues.ru[key] ?? key;
    const text = typeof entry === "string" ? entry : entry[rules[to].select(Number(values["n"] ?? 0)) as keyof Plural] ?? entry.other;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
  }

  return {
    lang,
    t,
    setLang(next: Lang): void {
      lang.value = next;
      document.documentElement.lang = next;
    },
    /** A key made of a code from the box; nothing when there is no such string. */
    maybe(prefix: string, code: string, values: Values = {}): string | null {
      const key = `${prefix}.${code}`;
      return key in catalogues.ru ? t(key as K, values) : null;
    },
    /** The box's text in the chosen language, else in any it has. */
    say(text: Text | string | null | undefined): string {
      if (!text) return "";
      return typeof text === "string" ? text : text[lang.value] || text.ru || text.en || text.uz || "";
    },
  };
}
