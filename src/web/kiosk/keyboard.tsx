// Keyboards on the screen: a kiosk has no other. A key that is typed on a real one works as well, in the field itself.
import { t } from "../shared/i18n";
import { Icon } from "../shared/icons";

export type Layout = "digits" | "code" | "email";

const layouts: Record<Layout, string[][]> = {
  digits: [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["", "0", "erase"]],
  code: [[..."1234567890"], [..."QWERTYUIOP"], [..."ASDFGHJKL-"], [..."ZXCVBNM", "erase"]],
  email: [[..."1234567890"], [..."qwertyuiop"], [..."asdfghjkl", "@"], [..."zxcvbnm", ".", "_", "-"], ["@gmail.com", "@mail.ru", "@yandex.ru", "@umail.uz", "erase"]],
};

/** `onKey` gets the text of the key, or null to erase. */
export function Keyboard(props: { layout: Layout; onKey: (key: string | null) => void }) {
  return (
    <div class={`keyboard keyboard-${props.layout}`}>
      {layouts[props.layout].map((row, i) => (
        <div class="keyboard-row" key={i}>
          {row.map((key) => key === "" ? <span key="gap" /> : key === "erase" ? (
            <button type="button" key={key} class="key key-wide" aria-label={t("key.erase")} onClick={() => props.onKey(null)}><Icon name="erase" size="2.1rem" /></button>
          ) : (
            <button type="button" key={key} class={`key num${key.length > 1 ? " key-word" : ""}`} onClick={() => props.onKey(key)}>{key}</button>
          ))}
        </div>
      ))}
    </div>
  );
}

/** What a key makes of a text. A second `@…` replaces the first: a domain is chosen once. */
export function typed(text: string, key: string | null): string {
  if (key === null) return text.slice(0, -1);
  if (key.startsWith("@") && text.includes("@")) return text.slice(0, text.indexOf("@")) + key;
  return text + key;
}

export const countries = [
  { code: "+7", digits: 10, groups: [3, 3, 2, 2] },
  { code: "+998", digits: 9, groups: [2, 3, 2, 2] },
] as const;

export function groupedDigits(digits: string, groups: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const size of groups) {
    const part = digits.slice(from, from + size);
    if (part) parts.push(part);
    from += size;
  }
  return parts.join(" ");
}

/** Enough to catch a slip; whether the address exists only its server knows. */
export function looksLikeEmail(text: string): boolean {
  return /^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$/.test(text) && text.length <= 254;
}
