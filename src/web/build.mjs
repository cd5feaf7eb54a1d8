// Builds every page into its own folder of `dist/`, so that each can be served under any path.
// The same sources give the same bytes: nothing here reads the clock, the machine or the network.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { ownWords } from "./words.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const pages = ["kiosk", "board", "staff", "demo", "dashboard", "shift-report"];

export function pageConfig(page) {
  return {
    configFile: false,
    root: join(here, page),
    base: "./",
    publicDir: false,
    logLevel: "warn",
    plugins: [ownWords(page)],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: join(here, "dist", page),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      sourcemap: false,
    },
  };
}

async function licences() {
  const packages = ["preact", "@preact/signals", "@preact/signals-core", "@fontsource-variable/onest", "@fontsource/alegreya", "uplot"];
  const parts = [];
  for (const name of packages) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const text = (await readFile(join(folder, "LICENSE"), "utf8")).replaceAll("\r\n", "\n").trim();
    parts.push(`${name} ${version} (${license})\n\n${text}\n`);
  }
  return parts.join(`\n${"-".repeat(72)}\n\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // `node build.mjs kiosk` builds one page again and leaves the others.
  const only = process.argv.slice(2);
  if (only.length === 0) await rm(join(here, "dist"), { recursive: true, force: true });
  await mkdir(join(here, "dist"), { recursive: true });
  for (const page of pages) if (only.length === 0 || only.includes(page)) await build(pageConfig(page));
  await writeFile(join(here, "dist", "LICENSES.txt"), await licences());
}
