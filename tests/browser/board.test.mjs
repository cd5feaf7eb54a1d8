// The board on the wall: two kiosks and it live, numbers called with a chime, more than fit shown page by page, old
// data admitted.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { assertAccessible, board, launch, onPage, quit, until } from "./support.mjs";

before(launch);
after(quit);

const origin = new URL(board).origin;
const shots = process.env.GALLEY_SHOTS;
const wall = { viewport: { width: 1920, height: 1080 }, locale: "ru-RU" };

async function api(method, path, body, token = "demo-staff") {
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": randomUUID() },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

async function look(page, name) {
  await page.evaluate(() => document.fonts.ready);
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

/** A kiosk that was paired just now: its token. */
async function secondKiosk() {
  const asked = await api("POST", "/pairing", { role: "kiosk" });
  await api("POST", "/screens", { code: asked.code, name: `K-${randomUUID().slice(0, 6)}`, role: "kiosk" });
  return (await api("GET", "/pairing", null, asked.poll_token)).token;
}

async function buy(token) {
  const placed = await api("POST", "/orders", { language: "uz", service: "here", lines: [{ dish_id: "plov", quantity: 1 }] }, token);
  const payment = await api("POST", `/orders/${placed.id}/payments`, { tender: "cash" }, token);
  await api("POST", `/payments/${payment.id}/confirm`, {});
  return placed;
}

test("orders of two kiosks go over the board, are called once, and again when they are recalled", async () => {
  const second = await secondKiosk();
  await onPage(board, async (page) => {
    await page.locator(".board").waitFor();
    const placed = await Promise.all([buy("demo-kiosk"), buy(second)]);
    for (const one of placed) await page.locator(".ready li", { hasText: new RegExp(`^${one.number}$`) }).waitFor();
    await look(page, "board");
    await assertAccessible(page, "board");
    const [first] = placed;
    const called = page.locator(".ready .fresh", { hasText: new RegExp(`^${first.number}$`) });
    await called.waitFor({ state: "detached" });
    await api("POST", `/orders/${first.id}/recall`, {});
    await called.waitFor();
    assert.match(await page.locator("[role=status]").last().textContent(), new RegExp(first.number));
    for (const one of placed) await api("POST", `/orders/${one.id}/hand-over`, {});
    await page.locator(".ready li", { hasText: new RegExp(`^${first.number}$`) }).waitFor({ state: "detached" });
  }, wall);
});

test("what cooks shows the robot's step", async () => {
  await onPage(board, async (page) => {
    await page.locator(".board").waitFor();
    await page.route("**/api/v1/board", async (route) => {
      const answer = await route.fetch();
      const name = { ru: "Плов ташкентский", uz: "Toshkent palovi", en: "Tashkent plov" };
      await route.fulfill({ response: answer, json: { ...(await answer.json()), cooking: [{ number: "17", name, state: "cooking", progress_pm: 640, step: { ru: "на плите", uz: "plitada", en: "on the hob" } }, { number: "16", name, state: "cooking", progress_pm: 940 }, { number: "18", name, state: "preparing", progress_pm: 80 }] } });
    });
    await page.locator(".cooking .step").nth(2).waitFor();
    assert.deepEqual(await page.locator(".cooking .step").allTextContents(), ["на плите", "готовит", "собирает"]);
    await look(page, "board-cooking");
    await assertAccessible(page, "board, cooking");
  }, wall);
});

test("the step on the board is the one of the robot's card", async () => {
  const placed = await buy("demo-kiosk");
  const seen = await until("a step", () => api("GET", "/board", null, "demo-board"), ({ cooking }) => cooking.some((one) => one.number === placed.number && one.step));
  const { step } = seen.cooking.find((one) => one.number === placed.number);
  assert.deepEqual(Object.keys(step).sort(), ["en", "ru", "uz"]);
  await until("the dish", () => api("GET", `/orders/${placed.id}`), (one) => one.state === "ready");
  await api("POST", `/orders/${placed.id}/hand-over`, {});
});

test("more numbers than fit come page by page, none is left out", async () => {
  await onPage(board, async (page) => {
    await page.clock.install();
    await page.route("**/api/v1/board", (route) => route.fulfill({ json: { at: Date.now(), preparing: Array.from({ length: 61 }, (_, n) => ({ number: String(n + 100) })), ready: Array.from({ length: 37 }, (_, n) => ({ number: String(n + 1) })), cooking: [] } }));
    await page.reload();
    await page.locator(".ready .paging").waitFor();
    await look(page, "board-paging");
    await assertAccessible(page, "board, paging");
    const seen = new Set();
    await until("all numbers", async () => {
      for (const one of await page.locator(".ready .numbers li").allTextContents()) seen.add(one);
      await page.clock.runFor(1500);
      return seen.size;
    }, (size) => size === 37);
    const overflow = await page.evaluate(() => [...document.querySelectorAll(".room")].some((one) => one.scrollHeight > one.clientHeight + 1));
    assert.equal(overflow, false, "no number is cut");
  }, wall);
});

for (const [name, viewport] of Object.entries({ standing: { width: 1080, height: 1920 }, wide: { width: 1920, height: 1080 } })) {
  test(`sixty ready numbers all come by while more are called all the time (${name})`, async () => {
    await onPage(board, async (page) => {
      await page.clock.install();
      // In every answer one of the first ten is away that was there before, and comes back: something is called without a pause.
      let turn = 0;
      await page.route("**/api/v1/board", (route) => {
        turn += 1;
        const ready = Array.from({ length: 60 }, (_, n) => ({ number: String(n + 1) })).filter((one) => one.number !== String((turn % 10) + 1));
        return route.fulfill({ json: { at: Date.now(), preparing: [], ready, cooking: [] } });
      });
      await page.reload();
      await page.locator(".ready .paging").waitFor();
      const seen = new Set();
      let called = 0;
      await until("all numbers", async () => {
        for (const one of await page.locator(".ready .numbers li").allTextContents()) seen.add(one);
        called += await page.locator(".ready .fresh").count();
        const cut = await page.evaluate(() => [...document.querySelectorAll(".ready .numbers li")].some((one) => one.getBoundingClientRect().bottom > document.querySelector(".ready .paging").getBoundingClientRect().top));
        assert.equal(cut, false, "no number is cut");
        await page.clock.runFor(1500);
        return seen.size;
      }, (size) => size === 60);
      assert.ok(called > 0, "numbers were called meanwhile");
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0, "nothing moves where motion is not wanted");
      await look(page, `board-sixty-${name}`);
      await assertAccessible(page, `board, sixty, ${name}`);
    }, { viewport, locale: "ru-RU" });
  });
}

test("a board that hears nothing says how old its numbers are", async () => {
  await onPage(board, async (page) => {
    await page.clock.install();
    await page.locator(".board").waitFor();
    await page.route("**/api/v1/**", (route) => route.abort());
    await page.clock.runFor(20_000);
    await page.locator(".age-stale").waitFor();
    await look(page, "board-stale");
    await assertAccessible(page, "board, stale");
    await page.unroute("**/api/v1/**");
    await until("fresh numbers", async () => {
      await page.clock.runFor(2000);
      return page.locator(".age-stale").count();
    }, (count) => count === 0);
  }, wall);
});

test("the board's script is at most 20 kB", async () => {
  const html = await (await fetch(`${origin}/board/`)).text();
  let bytes = 0;
  for (const [, path] of html.matchAll(/(?:src|href)="([^"]+\.js)"/g)) {
    bytes += gzipSync(await (await fetch(new URL(path, `${origin}/board/`))).text()).length;
  }
  assert.ok(bytes > 1000 && bytes <= 20_000, `${bytes} bytes`);
});

test("the page for a guest's phone has no script, follows the order and can be read out", async () => {
  const placed = await api("POST", "/orders", { language: "ru", service: "to_go", lines: [{ dish_id: "borscht", quantity: 2 }] }, "demo-kiosk");
  await onPage(placed.follow.url, async (page) => {
    assert.equal(await page.locator("script").count(), 0);
    await page.locator(".number", { hasText: placed.number }).waitFor();
    await look(page, "follow-placed");
    const payment = await api("POST", `/orders/${placed.id}/payments`, { tender: "cash" });
    await api("POST", `/payments/${payment.id}/confirm`, {});
    await until("the dishes", () => api("GET", `/orders/${placed.id}`), (one) => one.state === "ready");
    // The page asks again by itself.
    await page.locator("h1.ready").waitFor();
    await look(page, "follow-ready");
  }, { viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
});

test("the page for a guest's phone fits every phone in every language, whatever the state", async () => {
  const fits = async (url, where) => {
    for (const width of [320, 360, 414]) await onPage(url, async (page) => {
      await page.locator("h1").waitFor();
      if (width === 360) await look(page, `follow-${where}`);
      const wide = await page.evaluate(() => [...document.querySelectorAll("body, main *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 80)));
      assert.deepEqual(wide, [], `${where} at ${width}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    }, { viewport: { width, height: 760 } });
  };
  for (const language of ["ru", "uz", "en"]) {
    const wish = { language, service: "to_go", lines: [{ dish_id: "borscht", quantity: 1 }] };
    const placed = await api("POST", "/orders", wish, "demo-kiosk");
    await fits(placed.follow.url, `placed-${language}`);
    await api("POST", "/robot/pause", {});
    const payment = await api("POST", `/orders/${placed.id}/payments`, { tender: "cash" });
    await api("POST", `/payments/${payment.id}/confirm`, {});
    await until("the receipt", () => api("GET", `/orders/${placed.id}`), (one) => one.state === "receipted");
    await fits(placed.follow.url, `paid-${language}`);
    await api("POST", "/robot/resume", {});
    await until("the dish", () => api("GET", `/orders/${placed.id}`), (one) => one.state === "ready");
    await fits(placed.follow.url, `ready-${language}`);
    const { refunds } = await api("POST", `/orders/${placed.id}/refunds`, { reason: "cold" });
    await fits(placed.follow.url, `refunding-${language}`);
    for (const one of refunds) await api("POST", `/refunds/${one}/confirm`, {});
    await fits(placed.follow.url, `refunded-${language}`);
    const left = await api("POST", "/orders", wish, "demo-kiosk");
    await api("POST", `/orders/${left.id}/cancel`, {});
    await fits(left.follow.url, `cancelled-${language}`);
  }
  // The longest word of all stands only while a dish cooks: the same page, made to say it.
  const placed = await api("POST", "/orders", { language: "uz", service: "to_go", lines: [{ dish_id: "borscht", quantity: 1 }] }, "demo-kiosk");
  const html = (await (await fetch(placed.follow.url)).text()).replace(/<h1 class="placed">[^<]*</, '<h1 class="cooking">Tayyorlanmoqda<').replace(/http-equiv="refresh"/, "");
  for (const width of [320, 360, 414]) await onPage(placed.follow.url, async (page) => {
    await page.route(placed.follow.url, (route) => route.fulfill({ contentType: "text/html", body: html }));
    await page.reload();
    await page.locator("h1.cooking").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `cooking-uz at ${width}`);
  }, { viewport: { width, height: 760 } });
  await api("POST", `/orders/${placed.id}/cancel`, {});
});
