// What the audit says of an act beside its name: `word: value` pairs from headquarters, in the page's language.
import { clock, dayName } from "../shared/dates";
import { money } from "../shared/money";
import { lang, maybe, t, word } from "./say";

const paired = /^(?:stores\.commands|commands|rollouts|documents|guests)(?:\.|$)/;

/** The detail of a line; as it came where it is no pairs, or one of them is not known. */
export function detailOf(act: string, detail: string): string {
  if (!paired.test(act)) return detail;
  const parts = detail.split("; ").map((part) => {
    const at = part.indexOf(": ");
    return at < 0 ? null : told(part.slice(0, at), part.slice(at + 2));
  });
  return parts.includes(null) ? detail : parts.join(", ");
}

function told(name: string, value: string): string | null {
  switch (name) {
    case "command":
    case "kind":
      return word(name, value);
    case "revision":
      return t("revision.n", { n: value });
    case "stores":
      return t("documents.stores", { n: value });
    case "amount": {
      const sum = /^(\d+)\.(\d\d) ([A-Z]{3})$/.exec(value);
      return sum ? money(Number(`${sum[1]}${sum[2]}`), sum[3] ?? "", lang.value) : maybe("detail.amount", value) ?? t("detail.amount", { value });
    }
    case "until": {
      const at = Date.parse(value);
      return Number.isNaN(at) ? null : t("detail.until", { value: `${dayName(at, null, lang.value)}, ${clock(at)}` });
    }
    default:
      return maybe("detail", name, { value });
  }
}
