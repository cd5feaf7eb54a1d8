// Headquarters' strings: a catalogue of their own.
import { speak } from "../shared/words";
import en from "./i18n/en.json";
import ru from "./i18n/ru.json";
import uz from "./i18n/uz.json";

export type Key = keyof typeof ru;
export const { lang, t, setLang, say, maybe } = speak<Key>({ ru, uz, en });

/** A word of the server as the language says it; the word itself when there is no string for it. */
export function word(prefix: string, code: string): string {
  return maybe(prefix, code) ?? code.replaceAll("_", " ");
}
