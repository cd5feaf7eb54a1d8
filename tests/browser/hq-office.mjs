// A headquarters of a test's own.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./support.mjs";

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
