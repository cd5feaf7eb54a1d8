// Strings come from i18n/{ru,uz,en}.json. `{name}` is a place for a value; an object with plural categories is
// chosen by the language's rule for `{n}`.
import { signal } from "@preact/signals";
import ru from "../i18n/ru.json";
import uz from "../i18n/uz.json";
import en from "../i18n/en.json";
import type { Lang, Text } from "./types";

type Plural = { one?: string; few?: string; many?: string; other: string };
type Catalogue = Record<string, string | Plural>;
export type Key = keyof typeof ru;

const catalogues: Record<Lang, Catalogue> = { ru, uz, en };
const rules: Record<Lang, Intl.PluralRules> = {
  ru: new Intl.PluralRules("ru"),
  uz: new Intl.PluralRules("uz"),
  en: new Intl.PluralRules("en"),
};

export const languages: Lang[] = ["ru", "uz", "en"];
export const languageNames: Record<Lang, string> = { ru: "Русский", uz: "Oʻzbekcha", en: "English" };

export const lang = signal<Lang>("ru");

export function isLang(value: unknown): value is Lang {
  return value === "ru" || value === "uz" || value === "en";
}

export function setLang(next: Lang): void {
  lang.value = next;
  document.documentElement.lang = next;
}

export function t(key: Key, values: Record<string, string | number> = {}, to: Lang = lang.value): string {
  const entry = catalogues[to][key] ?? key;
  const text = typeof entry === "string" ? entry : plural(entry, Number(values["n"] ?? 0), to);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A key built at run time (a code from the box); the code itself when there is no such string. */
export function tCode(prefix: string, code: string, to: Lang = lang.value): string {
  const key = `${prefix}.${code}`;
  return key in catalogues[to] ? t(key as Key, {}, to) : code.replaceAll("_", " ");
}

function plural(entry: Plural, n: number, to: Lang): string {
  const category = rules[to].select(n) as keyof Plural;
  return entry[category] ?? entry.other;
}

/** The box's text in the chosen language, else in any it has. */
export function say(text: Text | string | null | undefined, to: Lang = lang.value): string {
  if (!text) return "";
  if (typeof text === "string") return text;
  return text[to] || text.ru || text.en || text.uz || "";
}
