// Headquarters' pages: the demo's real store from the fleet down to one order's story; a fleet of 5,000 made-up stores; people
// who sign in at a headquarters of their own.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { fleetPage, makeFleet } from "./hq-fleet.mjs";
import { desk, look, office, words } from "./hq-office.mjs";
import { board, hq, launch, onPage, quit, settled, until } from "./support.mjs";

before(launch);
after(quit);

/** An order at the counter of the demo's store, paid in cash. */
async function sell() {
  const api = async (path, body, token) => {
    const answer = await fetch(new URL(`/api/v1${path}`, board), { method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": randomUUID() }, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path} answered ${answer.status}`);
    return answer.json();
  };
  const order = await api("/orders", { language: "ru", service: "here", lines: [{ dish_id: "plov", quantity: 1 }] }, "demo-kiosk");
  const payment = await api(`/orders/${order.id}/payments`, { tender: "cash" }, "demo-staff");
  await api(`/payments/${payment.id}/confirm`, {}, "demo-staff");
}

const get = async (path) => (await fetch(new URL(`api/v1${path}`, hq))).json();

test("one goes from the fleet to the store, to an order and its story", async () => {
  await sell();
  await settled();
  const { stores } = await until("the order at headquarters", () => get("/fleet"), (page) => page.stores[0]?.orders_today > 0);
  const [order] = (await until("an order that is over", () => get(`/stores/${stores[0].store_id}/orders`), ({ orders }) => orders.some((one) => one.sold_minor > 0))).orders.filter((one) => one.sold_minor > 0);
  await onPage(hq, async (page) => {
    const row = page.locator(`[data-store="${stores[0].store_id}"]`);
    await row.waitFor();
    await page.locator(".fresh", { hasText: words["fresh.live"] }).waitFor();
    await look(page, "fleet");
    // On the glass of any laptop every column is whole, and inside its card.
    for (const width of [1280, 1366, 1536, 1920]) {
      await page.setViewportSize({ width, height: 800 });
      const cut = await page.evaluate(() => {
        const card = document.querySelector(".fleet").getBoundingClientRect();
        return [...document.querySelectorAll(".fleet-head .fleet-row > span")]
          .filter((one) => one.checkVisibility() && (one.scrollWidth > one.clientWidth || one.getBoundingClientRect().right > card.right))
          .map((one) => one.textContent);
      });
      assert.deepEqual(cut, [], `at ${width} px`);
    }
    await page.setViewportSize(desk.viewport);
    await row.locator("a").first().focus();
    await page.keyboard.press("Enter");
    await page.locator(".facts").waitFor();
    await page.locator(".plot canvas").first().waitFor();
    await look(page, "store");
    await page.locator(".tabs a", { hasText: words["tab.orders"] }).click();
    await page.locator(`[data-order="${order.order_id}"] a`).click();
    await page.locator(`[data-kind="order.placed"]`).waitFor();
    await page.locator(`[data-kind="receipt.registered"]`).first().waitFor();
    await look(page, "order");
    for (const to of ["alerts", "books", "plots", "map", "people", "audit"]) {
      await page.locator(`[data-page="${to}"]`).click();
      await page.locator("main h1", { hasText: words[`nav.${to}`] === words[`${to}.title`] ? words[`nav.${to}`] : words[`${to}.title`] }).waitFor();
      await look(page, to);
    }
  }, desk);
});

test("the pages speak three languages and fit a phone", async () => {
  await onPage(hq, async (page) => {
    for (const one of ["ru", "uz", "en"]) {
      await page.locator(`.langs [lang="${one}"]`).click();
      assert.equal(await page.evaluate(() => document.documentElement.lang), one);
      await page.locator(".fleet-body [data-store]").first().waitFor();
      await look(page, `phone-${one}`);
    }
  }, { viewport: { width: 390, height: 844 } });
});

test("five thousand stores are a page that can be used, and the address keeps what was chosen", async () => {
  const cards = makeFleet(5000);
  await onPage(hq, async (page) => {
    await page.route("**/api/v1/fleet?*", (route) => route.fulfill({ json: fleetPage(cards, new URL(route.request().url()).searchParams) }));
    const begun = performance.now();
    await page.reload();
    await page.locator(".fleet-body [data-store]").first().waitFor();
    const shown = performance.now() - begun;
    assert.ok(shown < 5000, `${shown} ms`);
    assert.ok((await page.locator(".fleet-body [role=row]").count()) < 80, "only what is seen is there");
    assert.equal(await page.locator(".fleet").getAttribute("aria-rowcount"), "5001");
    assert.equal(await page.locator(".fleet-body [data-store]").first().getAttribute("data-store"), cards[0].store_id);
    await look(page, "fleet-5000");
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.locator(`[data-store="${cards.at(-1).store_id}"]`).waitFor();
    const alike = cards.filter((one) => one.condition === "lagging");
    await page.evaluate(() => scrollTo(0, 0));
    await page.locator(".filters-fleet .choice button", { hasText: words["state.lagging"] }).click();
    await page.locator(`[data-store="${alike[0].store_id}"]`).waitFor();
    assert.match(page.url(), /state=lagging/);
    await page.reload();
    await page.locator(`[data-store="${alike[0].store_id}"]`).waitFor();
    assert.equal(await page.locator(".fleet").getAttribute("aria-rowcount"), String(alike.length + 1));
    await page.locator(".search input").fill(cards.at(-1).store_id);
    await page.locator(".empty").waitFor();
  }, desk);
});

test("a difference in the books is shown with the orders behind it", async () => {
  const line = { store_id: "S1", name: "Nevsky, 1", day: "2026-11-21", currency: "RUB", state: "different", orders: 3, orders_minor: 150_000, payments_minor: 150_000, receipts_minor: 149_900, elsewhere_minor: 0, corrections_minor: 0, accounted_minor: 149_900, no_accounting: false, unposted: 0, waiting: 0, unequal: 1 };
  const sums = { orders: 3, orders_minor: 150_000, payments_minor: 150_000, receipts_minor: 149_900, accounted_minor: 149_900, booked_minor: 149_900, elsewhere_minor: 0, corrections_minor: 0 };
  await onPage(`${hq}#/books`, async (page) => {
    await page.route("**/api/v1/books?*", (route) => route.fulfill({ json: { at: Date.now(), from: "2026-11-21", to: "2026-11-22", different: 1, waiting: 0, equal: 0, totals: { RUB: sums }, lines: [line] } }));
    await page.reload();
    const row = page.locator('tr[data-store="S1"]');
    await row.locator(".by", { hasText: "−1" }).waitFor();
    assert.equal(await page.locator(".equation .differs").count(), 1);
    await look(page, "books-different");
    await row.locator(".why a").click();
    assert.match(page.url(), /stores\/S1\/orders\?day=2026-11-21&unequal=1$/);
  }, desk);
});

test("an alert says who must act, is taken by name and closes itself", async () => {
  const [store] = (await get("/fleet")).stores;
  const alert = { store_id: store.store_id, name: store.name, key: "device:printer", source: "store", severity: "error", title: "The receipt printer is away", detail: "no answer", advice: "Check its cable", since_at: Date.now() - 600_000, who: "technician", cost: "sales", cost_minor: 1_250_000, currency: "RUB" };
  let taken;
  let over = false;
  await onPage(`${hq}#/alerts`, async (page) => {
    await page.route(/\/api\/v1\/alerts(\?|$)/, (route) => route.fulfill({ json: { at: Date.now(), open: over || taken ? 0 : 1, acknowledged: taken && !over ? 1 : 0, matching: over ? 0 : 1, alerts: over ? [] : [{ ...alert, ...(taken ? { acknowledged: taken } : {}) }] } }));
    await page.reload();
    const line = page.locator('[data-key="device:printer"]');
    await line.getByText(words["who.technician"]).waitFor();
    await look(page, "alert");
    await line.getByRole("button", { name: words["alerts.take"] }).click();
    await page.locator("dialog textarea").fill("On my way");
    await look(page, "alert-dialog");
    const sent = page.waitForRequest("**/api/v1/alerts/acknowledge");
    await page.locator("dialog").getByRole("button", { name: words["alerts.take"] }).click();
    const body = (await sent).postDataJSON();
    assert.deepEqual({ ...body, since_at: 0 }, { store_id: store.store_id, key: "device:printer", since_at: 0, note: "On my way" });
    taken = { who: "anna", at: Date.now(), note: "On my way" };
    await line.getByText("anna").waitFor();
    over = true;
    await page.getByText(words["alerts.none"]).waitFor();
  }, desk);
});

test("an event that can't be proven is read, and judged by a person with a reason", async () => {
  const [store] = (await get("/fleet")).stores;
  const entry = JSON.stringify({ seq: 4711, at: Date.now(), kind: "payment.captured", actor: "system", body: { amount_minor: 45_000 }, hash: "00".repeat(32) });
  const waiting = { store_id: store.store_id, seq: 4711, received_at: Date.now() - 60_000, reason: "its hash is not that of its content", entry, verdict: null, settled_by: null, note: null, settled_at: null };
  let settled = null;
  await onPage(`${hq}#/stores/${store.store_id}/aside`, async (page) => {
    await page.route("**/api/v1/aside?*", (route) => route.fulfill({ json: { aside: [{ ...waiting, ...settled }] } }));
    await page.route("**/api/v1/aside/*/4711", (route) => {
      const { accept, note } = route.request().postDataJSON();
      settled = { verdict: accept ? "accepted" : "rejected", settled_by: "anna", note, settled_at: Date.now() };
      return route.fulfill({ json: { accepted: accept } });
    });
    await page.reload();
    const line = page.locator('[data-aside="4711"]');
    await line.getByText(waiting.reason).waitFor();
    await line.locator("summary").click();
    await line.locator("pre", { hasText: "45000" }).waitFor();
    await look(page, "aside");
    await line.getByRole("button", { name: words["aside.accept"] }).click();
    await page.locator("dialog textarea").fill("The till's journal has it");
    await look(page, "aside-dialog");
    await page.locator("dialog").getByRole("button", { name: words["aside.accept"] }).click();
    await line.locator(".pill", { hasText: words["verdict.accepted"] }).waitFor();
    assert.equal(settled.note, "The till's journal has it");
    assert.equal(await line.getByRole("button").count(), 0, "a verdict stands");
  }, desk);
});

test("an erasure that is over has no words any more, and the tab of commands stands", async () => {
  const [store] = (await get("/fleet")).stores;
  const sent = (id, act, command, more) => ({ id, store_id: store.store_id, do: act, command, by: "anna", issued_at: Date.now() - 60_000, expires_at: Date.now() + 60_000, sends: 1, ...more });
  const commands = [
    sent("0198f000-0000-7000-8000-000000000002", "erase_guest", null, { state: "done", ended_at: Date.now(), answer: { text: "2 orders" } }),
    sent("0198f000-0000-7000-8000-000000000001", "support_bundle", { do: "support_bundle" }, { state: "done", ended_at: Date.now() }),
  ];
  await onPage(`${hq}#/stores/${store.store_id}/commands`, async (page) => {
    await page.route("**/api/v1/stores/*/commands?*", (route) => route.fulfill({ json: { commands } }));
    await page.reload();
    const [erasure, bundle] = commands.map((one) => page.locator(`.sent [data-command="${one.id}"]`));
    await erasure.getByText(words["command.erase_guest"]).waitFor();
    assert.equal(await erasure.locator("a").count(), 0);
    await bundle.getByRole("link", { name: words["commands.bundle"] }).waitFor();
    await look(page, "commands-erased");
  }, desk);
});

test("a store that is barred is told as barred, in the list and on its page", async () => {
  const [store] = (await get("/fleet")).stores;
  const barred = { at: Date.now() - 60_000, by: "anna", why: "Its box was stolen" };
  await onPage(hq, async (page) => {
    await page.route(/\/api\/v1\/fleet\?/, async (route) => {
      const answer = await (await route.fetch()).json();
      await route.fulfill({ json: { ...answer, stores: answer.stores.map((one) => ({ ...one, barred, condition: "barred" })) } });
    });
    await page.route(`**/api/v1/stores/${store.store_id}`, async (route) => route.fulfill({ json: { ...(await (await route.fetch()).json()), barred, condition: "barred" } }));
    await page.reload();
    const row = page.locator(`[data-store="${store.store_id}"]`);
    await row.locator(".state-barred", { hasText: words["state.barred"] }).waitFor();
    await row.locator("a").first().click();
    await page.locator("[data-barred]", { hasText: barred.why }).waitFor();
    await look(page, "store-barred");
  }, desk);
});

test("a roll-out with nothing before it says so, and is not rolled back twice", async () => {
  const id = "0198f000-0000-7000-8000-00000000000a";
  const rollout = { id, version: 1, kind: "menu", name: "main", revision: 1, stage: "all", by: "anna", at: Date.now() - 60_000, counts: { applied: 1 }, stores: [{ store_id: "S1", canary: false, state: "applied", ended_at: Date.now() }] };
  let undone = false;
  await onPage(`${hq}#/rollouts/${id}`, async (page) => {
    await page.route(`**/api/v1/rollouts/${id}`, (route) => route.fulfill({ json: { ...rollout, ...(undone ? { undone } : {}) } }));
    await page.route(`**/api/v1/rollouts/${id}/roll-back`, (route) => route.fulfill({ status: 201, json: { rollouts: [], kept: ["S1"] } }));
    await page.reload();
    const button = page.getByRole("button", { name: words["rollouts.back"] });
    await button.click();
    await page.getByText(words["rollouts.back.nothing"]).waitFor();
    await button.waitFor({ state: "detached" });
    undone = true;
    await page.reload();
    await page.getByText(words["rollouts.undone"]).waitFor();
    assert.equal(await button.count(), 0);
    await look(page, "rollout-undone");
  }, desk);
});

test("the page says when it is not connected and how old what it shows is", async () => {
  await onPage(hq, async (page) => {
    await page.locator(".fleet-body [data-store]").first().waitFor();
    await page.route("**/api/v1/**", (route) => route.abort());
    await page.locator(".fresh-lost", { hasText: words["fresh.lost"] }).waitFor();
    // What was known stays.
    assert.ok(await page.locator(".fleet-body [data-store]").count());
    await look(page, "lost");
    await page.unroute("**/api/v1/**");
    await page.locator(".fresh-lost").waitFor({ state: "detached" });
  }, desk);
});

test("people sign in with a password, let others in, and the audit tells it", async () => {
  await office(async (address) => {
    await onPage(address, async (page) => {
      const form = page.locator(".door form");
      await form.waitFor();
      await look(page, "sign-in");
      const come = async (password) => {
        await form.locator("[name=name]").fill("anna");
        await form.locator("[name=password]").fill(password);
        await page.keyboard.press("Enter");
      };
      await come("not her password");
      await page.getByText(words["sign.wrong"]).waitFor();
      await come("seven seas and a spoon");
      await page.locator(".fleet-body [data-store=S1]").waitFor();
      assert.equal(await page.evaluate(() => document.cookie), "", "no script reads the session");
      await page.locator('[data-page="people"]').click();
      await page.getByRole("button", { name: words["people.add"] }).click();
      const dialog = page.locator("dialog");
      await dialog.getByLabel(words["people.login"]).fill("bek");
      await dialog.getByLabel(words.password).fill("a long enough word");
      await dialog.getByRole("button", { name: words["people.add"] }).click();
      await page.locator("tbody th", { hasText: "bek" }).waitFor();
      await look(page, "people-list");
      await page.locator('[data-page="audit"]').click();
      await page.locator("tbody tr", { hasText: words["act.user.added"] }).first().waitFor();
      await page.locator('[data-page="people"]').click();
      await page.getByRole("button", { name: words["sign.out"] }).click();
      await form.waitFor();
    }, desk);
  });
});
