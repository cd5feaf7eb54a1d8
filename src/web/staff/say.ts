// The staff's strings: a catalogue of their own, so that neither kiosk nor board carries it.
import { speak } from "../shared/words";
import en from "./i18n/en.json";
import ru from "./i18n/ru.json";
import uz from "./i18n/uz.json";

export type Key = keyof typeof ru;
export const { lang, t, setLang, say, maybe } = speak<Key>({ ru, uz, en });
