// A headquarters of a test's own, and what every look at headquarters' pages begins with.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertAccessible, until } from "./support.mjs";

export const words = JSON.parse(readFileSync(new URL("../../src/web/dashboard/i18n/en.json", import.meta.url), "utf8"));
export const desk = { viewport: { width: 1440, height: 900 } };
const shots = process.env.GALLEY_SHOTS;

/** Nothing of the page is shut to anybody, or wider than the window; a picture of it where GALLEY_SHOTS names a folder. */
export async function look(page, name) {
  await page.evaluate(() => document.fonts.ready);
  if (shots) await page.screenshot({ path: `${shots}/hq-${name}.png` });
  await assertAccessible(page, name);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${name} is ${over} px wider than the window`);
}

/** A headquarters of its own, with one admin, who is anna, and one store. */
export async function office(act) {
  const data = mkdtempSync(join(tmpdir(), "galley-hq-"));
  const program = process.env.GALLEY_BIN ?? new URL("../../target/debug/galley", import.meta.url).pathname;
  const port = await new Promise((done) => { const one = createServer().listen(0, "127.0.0.1", () => { const { port } = one.address(); one.close(() => done(port)); }); });
  const run = (args, input) => new Promise((done, failed) => {
    const child = spawn(program, ["hq", "--data", data, ...args], { stdio: ["pipe", "ignore", "inherit"] });
    child.on("error", failed).on("exit", (code) => (code === 0 ? done() : failed(new Error(`galley hq ${args[0]} ended with ${code}`))));
    child.stdin.end(input);
  });
  await run(["user", "add", "anna", "--full-name", "Anna"], "seven seas and a spoon\n");
  const child = spawn(program, ["hq", "--data", data, "--listen", `127.0.0.1:${port}`, "--store", "S1=a long token"], { stdio: "ignore" });
  const address = `http://127.0.0.1:${port}/`;
  try {
    await until("headquarters", () => fetch(`${address}health`).then((one) => one.status, () => 0), (status) => status === 200);
    return await act(address);
  } finally {
    const ended = new Promise((done) => child.on("exit", done));
    child.kill();
    await ended;
    rmSync(data, { recursive: true, force: true });
  }
}
