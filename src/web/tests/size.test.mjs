// What a page weighs on its way to the screen: the built scripts, compressed as the box compresses nothing smaller.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const KB = 1000;
const weight = (page) => {
  const folder = new URL(`../dist/${page}/assets/`, import.meta.url);
  return readdirSync(folder).filter((file) => file.endsWith(".js")).reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, folder)), { level: 9 }).length, 0);
};

test("the kiosk's script is at most 60 kB", () => {
  const bytes = weight("kiosk");
  assert.ok(bytes <= 60 * KB, `${bytes} bytes`);
});
