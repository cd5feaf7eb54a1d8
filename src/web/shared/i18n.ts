// Strings come from i18n/{ru,uz,en}.json. `{name}` is a place for a value; an object with plural categories is
// chosen by the language's rule for `{n}`. A string that a language lacks is taken from another one, and said once to
// whoever listens (`shared/faults.ts`), so that a guest never reads a key and staff hear of it.
import { signal } from "@preact/signals";
import { pluralForm } from "./plural";
import ru from "../i18n/ru.json";
import uz from "../i18n/uz.json";
import en from "../i18n/en.json";
import type { Lang, Text } from "./types";

type Plural = { one?: string; few?: string; many?: string; other: string };
type Catalogue = Record<string, string | Plural>;
export type Key = keyof typeof ru;

const catalogues: Record<Lang, Catalogue> = { ru, uz, en };
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
  const entry = catalogues[to][key] ?? lacking(key, to);
  const text = typeof entry === "string" ? entry : plural(entry, Number(values["n"] ?? 0), to);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A key built at run time (a code from the box); the code itself when there is no such string. */
export function tCode(prefix: string, code: string, to: Lang = lang.value): string {
  const key = `${prefix}.${code}`;
  if (key in catalogues[to]) return t(key as Key, {}, to);
  lacking(key, to);
  return code.replaceAll("_", " ");
}

/** Whether there is a string for a code from the box. */
export function hasCode(prefix: string, code: string): boolean {
  return `${prefix}.${code}` in catalogues.ru;
}

function plural(entry: Plural, n: number, to: Lang): string {
  return entry[pluralForm(n, to)] ?? entry.other;
}

let listener: (key: string, to: Lang) => void = () => undefined;
const told = new Set<string>();

/** `heard` is told once of every string that a language lacks. */
export function onMissing(heard: (key: string, to: Lang) => void): void {
  listener = heard;
}

function lacking(key: string, to: Lang): string | Plural {
  const mark = `${to} ${key}`;
  if (!told.has(mark)) {
    told.add(mark);
    listener(key, to);
  }
  return catalogues.ru[key] ?? catalogues.en[key] ?? catalogues.uz[key] ?? key;
}

/** The box's text in the chosen language, else in any it has. */
export function say(text: Text | string | null | undefined, to: Lang = lang.value): string {
  if (!text) return "";
  if (typeof text === "string") return text;
  return text[to] || text.ru || text.en || text.uz || "";
}
