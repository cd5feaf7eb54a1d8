// Headquarters' pages where a person changes something: a document from its draft to all stores, and a store's place on the map.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { desk, look, office, words } from "./hq-office.mjs";
import { hq, launch, onPage, quit } from "./support.mjs";

before(launch);
after(quit);

async function signIn(page) {
  const form = page.locator(".door form");
  await form.locator("[name=name]").fill("anna");
  await form.locator("[name=password]").fill("seven seas and a spoon");
  await page.keyboard.press("Enter");
  await page.locator(".fleet-body [data-store=S1]").waitFor();
}

/** A call as the person who is signed in, from their page. */
const call = (page, method, path, body) => page.evaluate(async ([method, path, body]) => {
  const answer = await fetch(`./api/v1${path}`, { method, headers: { "Content-Type": "application/json" }, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { status: answer.status, ...(await answer.json()) };
}, [method, path, body]);

test("a document goes from its draft over the canaries to all, and every fault is told where it is", async () => {
  await office(async (address) => {
    await onPage(address, async (page) => {
      await signIn(page);
      for (const store of ["S2", "S3"]) {
        const { code } = await call(page, "POST", `/stores/${store}/code`, {});
        const token_hash = createHash("sha256").update(`token of ${store}`).digest("hex");
        const enrolled = await fetch(`${address}v1/enrol`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code, token_hash }) });
        assert.equal(enrolled.status, 200, await enrolled.text());
      }
      await page.locator('[data-page="rollouts"]').click();
      await page.getByRole("button", { name: words["draft.new"] }).click();
      const dialog = page.locator("dialog");
      const text = dialog.getByLabel(words["draft.text"]);
      const check = dialog.getByRole("button", { name: words["draft.check"] });
      await dialog.getByLabel(words["draft.kind"]).selectOption("settings");
      await dialog.getByLabel(words["draft.name"]).fill("russia");
      // No JSON: the line is told, and one comes to it.
      await text.fill('{\n  "max_pieces": 20,\n  "pay_within_s": ,\n  "auto_open_shift": true\n}');
      await check.click();
      await dialog.locator(".faults li", { hasText: "line 3" }).waitFor();
      await dialog.getByRole("button", { name: words["draft.line"].replace("{n}", "3") }).click();
      assert.equal(await text.evaluate((one) => one.value.slice(one.selectionStart, one.selectionEnd)), '  "pay_within_s": ,');
      await look(page, "draft-line");
      // JSON that means nothing: the path is told.
      await text.fill('{ "kiosk": { "quiet": "always" } }');
      await check.click();
      await dialog.locator(".faults li", { hasText: "kiosk.quiet" }).waitFor();
      // What can't be used: the rule is told.
      await text.fill('{ "max_pieces": 9000 }');
      await check.click();
      await dialog.locator(".faults li", { hasText: "max_pieces" }).waitFor();
      await text.fill('{ "max_pieces": 20 }');
      await check.click();
      await dialog.getByText(words["draft.first"]).waitFor();
      await dialog.getByRole("button", { name: words["draft.save"].replace("{n}", "1") }).click();
      await dialog.getByRole("heading", { name: words["rollouts.bring"] }).waitFor();
      await dialog.getByRole("button", { name: words.cancel }).click();
      // The next one begins with the text of the latest, and shows what it changes.
      const line = page.locator('[data-document="settings russia"]');
      await line.getByRole("button", { name: words["draft.edit"] }).click();
      await text.waitFor();
      assert.deepEqual(JSON.parse(await text.inputValue()), { max_pieces: 20 });
      await check.click();
      await dialog.getByText(words["changes.none"]).waitFor();
      await dialog.locator("input[type=file]").setInputFiles({ name: "settings.toml", mimeType: "text/plain", buffer: Buffer.from("max_pieces = 25\nqr_valid_s = 120\n") });
      await page.waitForFunction(() => document.querySelector("dialog textarea").value.startsWith("max_pieces = 25"));
      await dialog.getByLabel(words["draft.note"]).fill("A longer queue");
      await check.click();
      await dialog.locator(".changes li", { hasText: "max_pieces" }).getByText("25").waitFor();
      await look(page, "draft-changes");
      await dialog.getByRole("button", { name: words["draft.save"].replace("{n}", "2") }).click();
      await dialog.getByRole("heading", { name: words["rollouts.bring"] }).waitFor();
      await dialog.locator(".changes li", { hasText: "qr_valid_s" }).waitFor();
      await dialog.getByLabel(words["rollouts.canaries"]).fill("S2");
      await look(page, "draft-bring");
      await dialog.getByRole("button", { name: words["rollouts.to.canaries"].one.replace("{n}", "1") }).click();
      // It goes on from the roll-out's own page.
      await page.locator("h1", { hasText: "russia" }).waitFor();
      await page.locator(".pill", { hasText: words["stage.rollout.canary"] }).waitFor();
      const rows = page.locator("tbody tr");
      await rows.filter({ hasText: "S2" }).getByText(words["rollout.waiting"]).waitFor();
      await rows.filter({ hasText: "S3" }).getByText(words["rollout.planned"]).waitFor();
      // No box answers here: who it is told, and a manager insists.
      await page.getByRole("button", { name: words["rollouts.promote"] }).click();
      await dialog.getByRole("heading", { name: words["rollouts.late"] }).waitFor();
      await dialog.locator("li", { hasText: "S2" }).getByText(words["rollout.waiting"]).waitFor();
      await look(page, "draft-insist");
      await dialog.getByRole("button", { name: words["rollouts.insist"] }).click();
      await rows.filter({ hasText: "S3" }).getByText(words["rollout.waiting"]).waitFor();
      await look(page, "draft-promoted");
      const { documents } = await call(page, "GET", "/documents");
      assert.equal(documents[0].latest.revision, 2);
      assert.equal(documents[0].latest.note, "A longer queue");
    }, desk);
  });
});

test("who may not write is offered nothing to write", async () => {
  await office(async (address) => {
    await onPage(address, async (page) => {
      await signIn(page);
      await call(page, "POST", "/documents/settings/russia", { content: { max_pieces: 20 } });
      await page.route("**/api/v1/me", async (route) => route.fulfill({ json: { ...(await (await route.fetch()).json()), role: "operator" } }));
      await page.goto(`${address}#/rollouts`);
      await page.reload();
      await page.locator('[data-document="settings russia"]').waitFor();
      assert.equal(await page.locator(".documents button").count(), 0);
      assert.equal(await page.getByRole("button", { name: words["draft.new"] }).count(), 0);
      await page.locator('[data-page="map"]').click();
      await page.getByText(words["map.none"]).waitFor();
      assert.equal(await page.getByRole("button", { name: words["place.title"] }).count(), 0);
    }, desk);
  });
});

test("a store is put on the map by a click, and moved by two numbers", async () => {
  await office(async (address) => {
    await onPage(address, async (page) => {
      await signIn(page);
      await page.locator('[data-page="map"]').click();
      await page.getByText(words["map.none"]).waitFor();
      await page.getByRole("button", { name: words["place.title"] }).click();
      const form = page.getByRole("form", { name: words["place.title"] });
      const save = form.getByRole("button", { name: words["place.save"] });
      await form.getByLabel(words["place.store"]).fill("S1");
      const box = await page.locator("svg.map").boundingBox();
      await page.locator("svg.map").click({ position: { x: box.width / 2, y: box.height / 2 } });
      await page.locator("[data-placing]").waitFor();
      const [latitude, longitude] = await Promise.all(["latitude", "longitude"].map(async (one) => Number(await form.getByLabel(words[`place.${one}`]).inputValue())));
      // The middle of a map from 41° to 60° north and 28° to 90° east, as Mercator has it.
      assert.ok(Math.abs(longitude - 59) < 0.5 && latitude > 50 && latitude < 53, `${latitude} ${longitude}`);
      // The cross is where the click was.
      const off = await page.evaluate(() => {
        // Both at one moment: the page may be moved to where it is clicked.
        const middle = (one) => { const { x, y, width, height } = document.querySelector(one).getBoundingClientRect(); return [x + width / 2, y + height / 2]; };
        const [cross, map] = [middle("[data-placing] circle"), middle("svg.map")];
        return Math.hypot(cross[0] - map[0], cross[1] - map[1]);
      });
      assert.ok(off < 3, `${off} px`);
      await form.getByLabel(words["place.city"]).fill("Orenburg");
      await look(page, "place-click");
      await save.click();
      const spot = page.locator("svg.map a.spot");
      await spot.waitFor();
      await form.waitFor({ state: "detached" });
      const kept = (await call(page, "GET", "/map")).stores;
      assert.equal(kept.length, 1);
      assert.ok(Math.abs(kept[0][3] / 1e6 - latitude) < 1e-4 && Math.abs(kept[0][4] / 1e6 - longitude) < 1e-4, JSON.stringify(kept));
      assert.equal(kept[0][5], "Orenburg");
      await spot.click();
      // Its own page leads back to the map, with what is known filled in.
      await page.getByRole("link", { name: words["place.move"] }).click();
      await page.waitForFunction((city) => [...document.querySelectorAll(".placing input")].some((one) => one.value === city), "Orenburg");
      await form.getByLabel(words["place.latitude"]).fill("155");
      assert.ok(await save.isDisabled(), "no such latitude");
      await form.getByLabel(words["place.latitude"]).fill("55,754");
      await form.getByLabel(words["place.longitude"]).fill("37.62");
      await form.getByLabel(words["place.city"]).fill("Moscow");
      await look(page, "place-move");
      await save.click();
      await form.waitFor({ state: "detached" });
      assert.deepEqual((await call(page, "GET", "/map")).stores.map((one) => one.slice(3)), [[55_754_000, 37_620_000, "Moscow"]]);
      assert.doesNotMatch(page.url(), /place=/);
      await look(page, "placed");
    }, desk);
  });
});

test("plots of one store go by its clock, and those of all say by whose", async () => {
  const [store] = (await (await fetch(new URL("api/v1/fleet", hq))).json()).stores;
  const minutes = new Intl.DateTimeFormat("en-US", { timeZone: store.zone, timeZoneName: "longOffset" }).format().match(/GMT([+-])(\d\d):(\d\d)/);
  const offset = minutes ? (minutes[1] === "-" ? -1 : 1) * (Number(minutes[2]) * 60 + Number(minutes[3])) : 0;
  await onPage(`${hq}#/plots`, async (page) => {
    await page.getByText("Asia/Tokyo, UTC+9").waitFor();
    await look(page, "plots-zone");
    const asked = page.waitForRequest((one) => one.url().includes("/series?") && one.url().includes(`store=${store.store_id}`));
    await page.goto(`${hq}#/stores/${store.store_id}`);
    assert.equal(new URL((await asked).url()).searchParams.get("offset_min"), String(offset));
    const over = page.locator(".plot .u-over").first();
    await over.hover({ position: { x: 60, y: 60 } });
    const tip = page.locator(".plot .tip").first();
    await tip.waitFor();
    assert.match(await tip.textContent(), /\(UTC\+\d+\)/);
    await look(page, "plots-store");
  }, { ...desk, timezoneId: "Asia/Tokyo" });
});

test("a store without accounting lacks nothing in the books", async () => {
  const line = { store_id: "S1", name: "Nevsky, 1", day: "2026-11-21", currency: "RUB", state: "equal", orders: 3, orders_minor: 150_000, payments_minor: 150_000, receipts_minor: 150_000, elsewhere_minor: 0, corrections_minor: 0, accounted_minor: 0, no_accounting: true, unposted: 0, waiting: 0, unequal: 0 };
  const other = { ...line, store_id: "S2", name: "Mira, 2", no_accounting: false, accounted_minor: 150_000 };
  const sums = (n, accounted) => ({ orders: 3 * n, orders_minor: 150_000 * n, payments_minor: 150_000 * n, receipts_minor: 150_000 * n, accounted_minor: accounted, booked_minor: accounted, elsewhere_minor: 0, corrections_minor: 0 });
  let lines = [line];
  await onPage(`${hq}#/books`, async (page) => {
    await page.route("**/api/v1/books?*", (route) => route.fulfill({ json: { at: Date.now(), from: "2026-11-21", to: "2026-11-22", different: 0, waiting: 0, equal: lines.length, totals: { RUB: sums(lines.length, (lines.length - 1) * 150_000) }, lines } }));
    await page.reload();
    await page.locator('tr[data-store="S1"] .state-ok').waitFor();
    assert.equal(await page.locator(".equation .term").count(), 3, "accounting is no part of it");
    lines = [line, other];
    await page.reload();
    await page.locator('tr[data-store="S2"]').waitFor();
    assert.equal(await page.locator(".equation .differs, td.off").count(), 0);
    await page.locator(".equation").getByText(words["books.alone"]).waitFor();
    await look(page, "books-alone");
  }, desk);
});
