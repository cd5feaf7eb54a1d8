// Which strings a page can show: those whose keys stand in its sources or in `shared/`, and those whose keys are put
// together there behind a written beginning (`t(`until.${…}`)`, `tCode("allergen", …)`). A page's bundle carries no others.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

const tongues = ["ru", "uz", "en"].map((name) => join(here, "i18n", `${name}.json`));

function sourceOf(folder) {
  return readdirSync(join(here, folder), { recursive: true })
    .filter((file) => /\.tsx?$/.test(file))
    .sort()
    .map((file) => readFileSync(join(here, folder, file), "utf8"))
    .join("\n");
}

/** A test of keys: whether `page` can show the string. */
export function wordsOf(page) {
  const source = `${sourceOf("shared")}\n${sourceOf(page)}`;
  const whole = new Set([...source.matchAll(/"([a-z][\w.]*)"/g)].map((found) => found[1]));
  const begun = [...source.matchAll(/`([a-z][\w.]*\.)\$\{/g)].map((found) => found[1])
    .concat([...source.matchAll(/(?:tCode|hasCode)\("([a-z][\w.]*)"/g)].map((found) => `${found[1]}.`));
  return (key) => whole.has(key) || begun.some((start) => key.startsWith(start));
}

/** Leaves out of the catalogues what the page can't show. */
export function ownWords(page) {
  return {
    name: "own-words",
    enforce: "pre",
    load(id) {
      const path = id.split("?")[0];
      // A page that brings its own catalogue keeps it whole.
      if (!tongues.includes(path)) return null;
      const has = wordsOf(page);
      const entries = Object.entries(JSON.parse(readFileSync(path, "utf8"))).filter(([key]) => has(key));
      return JSON.stringify(Object.fromEntries(entries));
    },
  };
}
