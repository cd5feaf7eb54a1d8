// The staff's screen, by touch: people come in with a PIN, take orders and money, give money back, stop dishes, answer
// calls, count the drawer. What a person does lands in the real store.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { assertAccessible, board, LIMIT_MS, launch, onPage, quit, until } from "./support.mjs";

before(launch);
after(quit);

const origin = new URL(board).origin;
const staff = `${origin}/staff/#token=demo-counter`;
const anna = "2846";
const maria = "7391";
const words = Object.fromEntries(["ru", "uz", "en"].map((one) => [one, JSON.parse(readFileSync(new URL(`../../src/web/staff/i18n/${one}.json`, import.meta.url), "utf8"))]));
const shots = process.env.GALLEY_SHOTS;
const counter = { viewport: { width: 1280, height: 800 }, hasTouch: true };

async function api(method, path, body, token = "demo-staff") {
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": randomUUID() },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const value = await answer.json();
  assert.ok(answer.ok, `${path}: ${JSON.stringify(value)}`);
  return value;
}

async function look(page, name) {
  await page.evaluate(() => document.fonts.ready);
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

async function check(page, where) {
  await look(page, `staff-${where}`);
  await assertAccessible(page, where);
  const small = await page.evaluate(() => [...document.querySelectorAll("button, a[href], input")]
    .filter((one) => one.checkVisibility())
    .map((one) => ({ box: one.getBoundingClientRect(), name: one.getAttribute("aria-label") ?? one.textContent }))
    .filter(({ box }) => box.width < 63.5 || box.height < 63.5 || box.left < -0.5 || box.right > innerWidth + 0.5)
    .map(({ box, name }) => `${name}: ${Math.round(box.width)} × ${Math.round(box.height)} at ${Math.round(box.left)}`));
  assert.deepEqual(small, [], `targets of ${where}`);
}

async function comeIn(page, pin) {
  await page.locator(".keypad").waitFor();
  for (const digit of pin) await page.locator(".keypad .key", { hasText: new RegExp(`^${digit}$`) }).tap();
  await page.locator(".login-go").tap();
  await page.locator(".work").waitFor();
}

const go = (page, tab) => page.locator(`[data-tab="${tab}"]`).tap();

/** Adds a dish as it usually is; with it the order has so many lines. */
async function add(page, dish, lines) {
  await page.locator(`[data-dish="${dish}"]`).tap();
  const line = page.locator(".tray-lines li").nth(lines - 1);
  const sheet = page.locator(".sheet[open] footer .btn-main");
  await line.or(sheet).first().waitFor();
  if (await sheet.isVisible()) await sheet.tap();
  await line.waitFor();
}

const order = (id) => api("GET", `/orders/${id}`);
const wish = (...dishes) => ({ language: "ru", service: "here", lines: dishes.map(([dish_id, quantity]) => ({ dish_id, quantity })) });

async function paid(...dishes) {
  const placed = await api("POST", "/orders", wish(...dishes), "demo-kiosk");
  const payment = await api("POST", `/orders/${placed.id}/payments`, { tender: "cash" });
  await api("POST", `/payments/${payment.id}/confirm`, {});
  return until("the dishes", () => order(placed.id), (one) => one.state === "ready" || one.state === "closed");
}

test("a wrong PIN is told, the right one opens the screen in the person's language, and leaving shuts it", async () => {
  await onPage(staff, async (page) => {
    await page.locator(".keypad").waitFor();
    await check(page, "pin");
    for (const digit of "9071") await page.locator(".keypad .key", { hasText: new RegExp(`^${digit}$`) }).tap();
    await page.locator(".login-go").tap();
    await page.locator(".login-wrong", { hasText: /\S/ }).waitFor();
    await comeIn(page, anna);
    assert.equal(await page.locator("html").getAttribute("lang"), "ru");
    await page.reload();
    await page.locator(".work").waitFor();
    await page.locator(".leave").tap();
    await page.locator(".keypad").waitFor();
    await page.reload();
    await page.locator(".keypad").waitFor();
  }, counter);
});

test("an order at the counter: dishes, cash with the change, handed over, and taken back within its seconds", async () => {
  await onPage(staff, async (page) => {
    await comeIn(page, anna);
    await go(page, "new");
    await page.locator(".dish").first().waitFor();
    await add(page, "borscht", 1);
    await add(page, "mors", 2);
    await check(page, "new-order");
    const total = await page.locator("[data-total]").textContent();
    await page.locator(".tray footer .btn-main").tap();
    await page.locator(".sheet[open] .pay").waitFor();
    await page.locator(".pay .btn", { hasText: words.ru["tender.cash"] }).tap();
    await page.locator(".handfuls").waitFor();
    await page.locator(".pay .keypad .key", { hasText: /^5$/ }).tap();
    for (let n = 0; n < 3; n += 1) await page.locator(".pay .keypad .key", { hasText: /^0$/ }).tap();
    const change = await page.locator("[data-change]").textContent();
    const kopecks = (text) => Number(text.replace(/[^\d,]/g, "").replace(",", ".")) * 100;
    assert.equal(kopecks(change), 500_000 - kopecks(total));
    await check(page, "cash");
    await page.locator(".pay .btn-main", { hasText: words.ru["cash.taken"] }).tap();
    const number = (await page.locator(".sheet > header h2").textContent()).replace(/\D/g, "");
    await page.locator(".sheet .btn-square").first().tap();
    const card = page.locator(`.lane-ready [data-number="${number}"]`);
    await card.waitFor({ timeout: LIMIT_MS });
    await check(page, "orders");
    await card.locator(".btn-main").tap();
    await page.locator(".notice .btn-main").tap();
    await page.locator(".notice", { hasText: words.ru.undone }).waitFor();
    const found = (await api("GET", "/orders?limit=20")).orders.find((one) => one.number === number);
    assert.equal(found.state, "ready", "undo left it there");
    await card.locator(".btn-main").tap();
    await until("the hand-over", () => order(found.id), (one) => one.state === "closed");
    const { events } = await api("GET", `/orders/${found.id}/timeline`);
    assert.equal(events.find((one) => one.body.kind === "order.closed").actor, "cashier:Анна");
  }, counter);
});

test("single dishes are given back with a reason, and who did it stands in the order", async () => {
  const sold = await paid(["plov", 2], ["mors", 1]);
  await onPage(staff, async (page) => {
    await comeIn(page, anna);
    await page.locator(".bar .btn").tap();
    await page.locator(".past button", { hasText: new RegExp(`^${sold.number}`) }).first().tap();
    await page.locator(".order-acts .btn", { hasText: words.ru.refund }).tap();
    await page.locator('[data-line="0"] .stepper button').nth(1).tap();
    await page.locator(".reasons .btn").first().tap();
    await check(page, "refund");
    const back = await page.locator("[data-back]").textContent();
    await page.locator(".refund > .btn-warn").tap();
    await page.locator(".order-refund .btn").tap();
    const after = await until("the return", () => order(sold.id), (one) => one.receipts.some((r) => r.kind === "sale_return" && r.state === "registered"));
    assert.equal(after.refunds.length, 1);
    assert.equal(after.refunds[0].amount_minor, sold.lines[0].price_minor);
    assert.equal(Number(back.replace(/[^\d]/g, "")) * 100, sold.lines[0].price_minor);
    await page.locator(".order-acts .btn", { hasText: words.ru.history }).tap();
    await page.locator(".history li", { hasText: "Анна" }).first().waitFor();
    await check(page, "history");
  }, counter);
});

test("a dish is taken off sale until a time and put back; a call from a kiosk is answered", async () => {
  const { stops } = await api("GET", "/menu/stops");
  for (const one of stops) await api("POST", "/menu/stops/lift", { ...(one.dish_id ? { dish_id: one.dish_id } : { ingredient_id: one.ingredient_id }), why: "test" });
  await onPage(staff, async (page) => {
    await comeIn(page, maria);
    await go(page, "stops");
    await page.locator('[data-stop="caesar"] .btn').tap();
    await page.locator(".sheet .reasons .btn").nth(1).tap();
    await page.locator(".sheet .reasons").nth(1).locator(".btn").first().tap();
    await check(page, "stop");
    await page.locator(".sheet footer .btn-warn").tap();
    await page.locator('[data-stop="caesar"].stopped').waitFor();
    await check(page, "stops");
    const sold = (await api("GET", "/menu", null, "demo-kiosk")).dishes.find((one) => one.id === "caesar");
    assert.equal(sold.available, false);
    await page.locator('[data-stop="caesar"] .btn').tap();
    await until("caesar on sale", () => api("GET", "/menu", null, "demo-kiosk"), (menu) => menu.dishes.find((one) => one.id === "caesar").available);

    await api("POST", "/calls", { why: "spill" }, "demo-kiosk");
    await page.locator(".badge").waitFor();
    await go(page, "attention");
    await check(page, "attention");
    await page.locator(".trouble-call .btn-main").tap();
    await page.locator(".trouble-call").waitFor({ state: "detached" });
    assert.deepEqual((await api("GET", "/calls")).calls, []);
  }, counter);
});

test("times are the store's, and so is the end of the day, whatever the zone of the browser", async () => {
  const zone = (await api("GET", "/store")).zone;
  assert.equal(zone, "Europe/Moscow");
  const ahead = 3 * 3_600_000;
  const clock = (at) => new Date(at + ahead).toISOString().slice(11, 16);
  await onPage(staff, async (page) => {
    await comeIn(page, maria);
    await page.locator(".place", { hasText: /\S/ }).waitFor();
    const now = Date.now();
    assert.ok([clock(now - 60_000), clock(now), clock(now + 1000)].includes(await page.locator(".top .time").textContent()));
    await go(page, "stops");
    await page.locator('[data-stop="caesar"] .btn').tap();
    await page.locator(".sheet .reasons .btn").nth(3).tap();
    await page.locator(".sheet .reasons").nth(1).locator(".btn").first().tap();
    await page.locator(".sheet footer .btn-warn").tap();
    await page.locator('[data-stop="caesar"].stopped', { hasText: "00:00" }).waitFor();
    const { stops } = await api("GET", "/menu/stops");
    const until_at = stops.find((one) => one.dish_id === "caesar").until_at;
    assert.equal((until_at + ahead) % 86_400_000, 0, "midnight in Moscow");
    assert.ok(until_at > now && until_at - now <= 86_400_000);
    await api("POST", "/menu/stops/lift", { dish_id: "caesar" });
  }, { ...counter, timezoneId: "Pacific/Honolulu" });
});

test("an online order is typed in once, and the drawer is counted without knowing what should be there", async () => {
  await paid(["mors", 1]);
  await onPage(staff, async (page) => {
    await comeIn(page, maria);
    await go(page, "new");
    await page.locator(".bar .btn").tap();
    await page.locator(".sheet input").fill(`Y-${randomUUID().slice(0, 6)}`);
    await check(page, "channel");
    await page.locator(".sheet footer .btn-main").tap();
    await add(page, "mors", 1);
    await page.locator(".tray footer .btn-main").tap();
    await page.locator(".lanes .chip").first().waitFor();
    await go(page, "shift");
    await page.locator(".shift-acts .btn-main").waitFor();
    await check(page, "shift");
    await page.locator(".shift-acts .btn-main").tap();
    await page.locator('[data-piece="100000"] input').fill("3");
    await page.locator('[data-piece="5000"] .stepper button').nth(1).tap();
    await check(page, "count");
    await page.locator(".sheet footer .btn-main").tap();
    await page.locator(".sheet .counted").waitFor();
    await check(page, "counted");
    await page.locator(".sheet footer .btn-main").tap();
    const report = await api("GET", "/shift/report");
    assert.equal(report.drawer.counts.at(-1).counted_minor, 305_000);
    assert.equal(report.drawer.counts.at(-1).who, "manager:Maria");
  }, counter);
});

test("a screen without a token shows a code, a manager types it on the staff's screen, and it comes alive", async () => {
  await onPage(`${origin}/board/`, async (wall) => {
    await wall.locator(".pair-code", { hasText: /\d{3} \d{3}/ }).waitFor();
    await look(wall, "board-pair");
    await assertAccessible(wall, "board pairing");
    const code = (await wall.locator(".pair-code").textContent()).replace(/\D/g, "");
    const name = `hall-${randomUUID().slice(0, 4)}`;
    await onPage(staff, async (page) => {
      await comeIn(page, maria);
      await go(page, "screens");
      await page.locator(".bar .btn-main").tap();
      for (const digit of code) await page.locator(".sheet .key", { hasText: new RegExp(`^${digit}$`) }).tap();
      await page.locator(".sheet input").fill(name);
      await check(page, "pair");
      await page.locator(".sheet footer .btn-main").tap();
      await page.locator(`[data-screen="${name}"]`).waitFor();
      await wall.locator(".board").waitFor();
      await page.locator(`[data-screen="${name}"] .btn`).tap();
      await page.locator(`[data-screen="${name}"]`).waitFor({ state: "detached" });
    }, counter);
  });
});

test("a manager takes a person on, gives another PIN and bars; a cashier can't", async () => {
  const name = `Aziza ${randomUUID().slice(0, 4)}`;
  let pin;
  await onPage(staff, async (page) => {
    await comeIn(page, maria);
    await go(page, "people");
    await page.locator("[data-person]").first().waitFor();
    await check(page, "people");
    await page.locator(".bar .btn-main").tap();
    await page.locator('[data-field="name"]').fill(name);
    await check(page, "person");
    pin = await page.locator(".sheet[open] .pair-code").textContent();
    await page.locator(".sheet[open] footer .btn-main").tap();
    const row = page.locator(`[data-person="${name}"]`);
    await row.waitFor();
    await row.locator(".btn").first().tap();
    await page.locator(".sheet[open] .pair-code").waitFor();
    const next = await page.locator(".sheet[open] .pair-code").textContent();
    assert.notEqual(next, pin);
    await page.locator(".sheet[open] footer .btn-main").tap();
    await page.locator(".sheet[open]").waitFor({ state: "detached" });
    pin = next;
  }, counter);
  await onPage(staff, async (page) => {
    await comeIn(page, pin);
    assert.match(await page.locator(".leave").textContent(), new RegExp(name));
    assert.equal(await page.locator('[data-tab="people"]').count(), 0, "people are the manager's");
  }, counter);
  await onPage(staff, async (page) => {
    await comeIn(page, maria);
    await go(page, "people");
    const row = page.locator(`[data-person="${name}"]`);
    await row.locator(".btn").nth(1).tap();
    // The act waits for its seconds; leaving does it at once, and ends the session only after it, however long it takes.
    await page.route("**/disable", (route) => setTimeout(() => void route.continue(), 400));
    await page.locator(".leave").tap();
    await until("the bar", () => api("GET", "/users"), ({ users }) => users.some((one) => one.name === name && one.disabled_at));
    await page.locator(".keypad").waitFor();
    for (const digit of pin) await page.locator(".keypad .key", { hasText: new RegExp(`^${digit}$`) }).tap();
    await page.locator(".login-go").tap();
    await page.locator(".login-wrong:not(:empty)").waitFor();
    assert.equal(await page.locator(".work").count(), 0, "who is barred does not come in");
  }, counter);
});

test("an act in doubt is settled as done by what was seen of it", async () => {
  await onPage(staff, async (page) => {
    let told = null;
    await page.route("**/api/v1/alerts", (route) => route.fulfill({ json: { alerts: told ? [] : [{ id: "effect:receipt:x", severity: "error", title: "A fiscal receipt is not registered", detail: "The printer's answer was lost.", advice: "Look.", since_at: Date.now(), effect_id: 4711, effect_asks: ["document_number"] }] } }));
    await page.route("**/api/v1/effects/4711/settle", (route) => {
      told = route.request().postDataJSON();
      return route.fulfill({ json: { settled: true } });
    });
    await comeIn(page, maria);
    await go(page, "attention");
    await page.locator('[data-alert^="effect:"] .mends .btn').first().tap();
    await page.locator('[data-seen="document"]').fill("12a3");
    assert.ok(await page.locator(".sheet[open] footer .btn").isDisabled(), "a reason is asked for");
    await page.locator(".sheet[open] .reasons .btn").first().tap();
    await check(page, "doubt");
    await page.locator(".sheet[open] footer .btn").tap();
    await page.locator(".sheet[open]").waitFor({ state: "detached" });
    assert.equal(told.outcome, "done");
    assert.deepEqual(told.seen, { document_number: 123 });
    await page.locator('[data-alert^="effect:"]').waitFor({ state: "detached" });
  }, counter);
});

test("the screen goes on through a restart of the store", async () => {
  await onPage(staff, async (page) => {
    await comeIn(page, anna);
    await fetch(`${origin}/demo/api/switch`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id: "power", on: true }) });
    const sold = await until("an order after the restart", () => paid(["mors", 1]).catch(() => null), (one) => one !== null);
    await page.locator(`[data-number="${sold.number}"]`).waitFor({ timeout: LIMIT_MS });
  }, counter);
});

for (const [name, viewport] of Object.entries({ standing: { width: 1080, height: 1920 }, tablet: { width: 768, height: 1024 } })) {
  test(`every tab fits, in Uzbek (${name})`, async () => {
    await onPage(staff, async (page) => {
      await comeIn(page, "6193");
      assert.equal(await page.locator("html").getAttribute("lang"), "uz");
      await go(page, "shift");
      await page.locator(".tab-shift .btn-main").last().waitFor();
      await page.locator(".tab-shift .btn", { hasText: words.uz["count.go"] }).tap();
      await page.locator(".sheet[open] .count li").first().waitFor();
      const hidden = await page.evaluate(() => {
        const sheet = document.querySelector(".sheet[open]");
        const end = sheet.querySelector("footer").getBoundingClientRect();
        return [...sheet.querySelectorAll(".count li")].filter((one) => {
          one.scrollIntoView({ block: "nearest" });
          const box = one.getBoundingClientRect();
          return box.top < sheet.querySelector(".sheet-body").getBoundingClientRect().top - 1 || box.bottom > end.top + 1;
        }).length + (end.bottom > innerHeight + 1 ? 1 : 0);
      });
      assert.equal(hidden, 0, "every note and the button can be seen");
      await page.locator(".sheet[open] .btn-square").tap();
      for (const tab of ["orders", "new", "attention", "stops", "shift"]) {
        await go(page, tab);
        await page.locator(`.tab-${tab}`).waitFor();
        await check(page, `${tab}-${name}`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${tab} is not wider than the screen`);
      }
    }, { viewport, hasTouch: true });
  });
}
