// What headquarters' pages work out by themselves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

let vite;
let load;
before(async () => {
  vite = await createServer({ configFile: false, root: fileURLToPath(new URL("..", import.meta.url)), appType: "custom", logLevel: "error", server: { middlewareMode: true, ws: false } });
  load = (path) => vite.ssrLoadModule(path);
});
after(() => vite.close());

test("a long list has the lines that are seen, a few more, and never one that is not there", async () => {
  const { windowOf } = await load("/dashboard/virtual.ts");
  assert.deepEqual(windowOf(0, 900, 64, 5000), { first: 0, last: 27 });
  assert.deepEqual(windowOf(64 * 100, 640, 64, 5000), { first: 88, last: 122 });
  assert.deepEqual(windowOf(64 * 4990, 900, 64, 5000), { first: 4978, last: 5000 });
  assert.deepEqual(windowOf(0, 900, 64, 0), { first: 0, last: 0 });
  for (let top = 0; top < 64 * 6000; top += 997) {
    const { first, last } = windowOf(top, 900, 64, 5000);
    assert.ok(first >= 0 && first <= last && last <= 5000 && last - first < 60);
  }
});

test("a command whose words are forgotten still says what it was", async () => {
  const { actOf } = await load("/dashboard/types.ts");
  assert.equal(actOf({ do: "erase_guest", command: null }), "erase_guest");
  assert.equal(actOf({ do: "refund", command: { do: "refund" } }), "refund");
  assert.equal(actOf({ command: { do: "reload" } }), "reload");
  assert.equal(actOf({ command: null }), "erase_guest");
});

test("the audit tells a command, a roll-out and a document in the page's language", async () => {
  globalThis.document ??= { documentElement: {} };
  const { detailOf } = await load("/dashboard/detail.ts");
  const { setLang } = await load("/dashboard/say.ts");
  setLang("en");
  assert.equal(detailOf("stores.commands", "command: refund; order: 17; amount: all; store: S001"), "Refund, order 17, all that is left, store S001");
  assert.match(detailOf("stores.commands", "command: refund; order: 17; amount: 450.00 RUB; store: S001"), /order 17, .*450/);
  assert.equal(detailOf("rollouts", "kind: menu; name: main; revision: 3; stores: 12; canaries: 2"), "Menu, main, revision 3, in 12 stores, canaries among them: 2");
  assert.equal(detailOf("guests.erase", "command: erase_guest; stores: 1"), "Erase a guest, in 1 store");
  // What is no pairs, or not all of it known, stays as it came.
  assert.equal(detailOf("rollouts", "something: else"), "something: else");
  assert.equal(detailOf("user.role", "viewer -> admin"), "viewer -> admin");
  assert.equal(detailOf("documents.menu", ""), "");
  setLang("ru");
});

test("how far a store is from UTC is the same in every second of a minute", async () => {
  const { offsetIn } = await load("/shared/zone.ts");
  const noon = Date.UTC(2026, 10, 23, 12, 0, 0);
  for (const second of [0, 1, 29, 30, 31, 59]) {
    assert.equal(offsetIn(noon + second * 1000, "Europe/Moscow"), 180, `second ${second}`);
    assert.equal(offsetIn(noon + second * 1000, "America/St_Johns"), -210, `second ${second}`);
  }
});
