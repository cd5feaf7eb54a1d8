// What the browser tests share: the addresses of a running `galley demo`, one Chromium, and waiting on conditions.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import jsQrModule from "jsqr";
import { PNG } from "pngjs";
import { chromium } from "playwright-core";

const jsQr = jsQrModule.default ?? jsQrModule;

const address = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; it is printed by \`galley demo\``);
  return value;
};

export const kiosk = address("GALLEY_KIOSK");
export const board = address("GALLEY_BOARD");
export const demo = address("GALLEY_DEMO");
export const hq = address("GALLEY_HQ");

/** The longest that anything the tests wait for may take: a payment, a receipt, a cooked dish at demo speed. */
export const LIMIT_MS = Number(process.env.LIMIT_MS ?? 60_000);

const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(" ");
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;

export async function launch() {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

export async function quit() {
  await browser?.close();
}

/** Runs `act` on a fresh page, and fails when the page threw or asked any other address for anything. */
export async function onPage(url, act, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", locale: "en-US", ...options });
  context.setDefaultTimeout(LIMIT_MS);
  const page = await context.newPage();
  const home = new URL(url).origin;
  const strangers = [];
  const faults = [];
  context.on("request", (request) => {
    const target = new URL(request.url());
    if ((target.protocol === "http:" || target.protocol === "https:" || target.protocol === "ws:") && target.origin !== home) strangers.push(request.url());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  try {
    await page.goto(url);
    const result = await act(page);
    assert.deepEqual(strangers, [], "the page asked another address");
    assert.deepEqual(faults, [], "the page threw");
    return result;
  } finally {
    // What a page still asks for while it closes is nobody's fault.
    for (const page of context.pages()) await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  }
}

export async function demoState() {
  const answer = await fetch(new URL("/demo/api/state", demo));
  assert.equal(answer.status, 200);
  return answer.json();
}

export async function demoAct(path, body = {}) {
  const answer = await fetch(new URL(`/demo/api/${path}`, demo), {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": randomUUID() },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path} answered ${answer.status}`);
}

export const flip = (id, on) => demoAct("switch", { id, on });

/** Asks again and again, as fast as the answers come, until `holds` is true of the answer. */
export async function until(what, ask, holds) {
  const end = performance.now() + LIMIT_MS;
  let last;
  while (performance.now() < end) {
    last = await ask();
    if (holds(last)) return last;
    await new Promise((next) => setTimeout(next, 50));
  }
  assert.fail(`waited in vain for ${what}; last seen: ${JSON.stringify(last)}`);
}

/** The demo once nothing of earlier orders is under way any more. */
export const settled = () =>
  until("earlier orders to settle", demoState, ({ counts, robot, hq: head }) =>
    counts.charges === counts.receipts && counts.accounting === counts.accounting_due && head.backlog === 0 &&
    robot.jobs.every((job) => ["plated", "done", "failed", "aborted"].includes(job.state)));

/** What axe finds on what the page shows now, of `least` weight and more. */
export async function assertAccessible(page, where, least = "serious") {
  const weights = ["minor", "moderate", "serious", "critical"];
  await page.evaluate(`if (!window.axe) { ${axeSource} }`);
  // What was just changed is on the screen, too, and nothing is half way between two colours.
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    await frame();
    await Promise.allSettled(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity).map((one) => one.finished));
  });
  const result = await page.evaluate(() => globalThis.axe.run(document, { iframes: false, resultTypes: ["violations"] }));
  const bad = result.violations
    .filter((one) => weights.indexOf(one.impact ?? "critical") >= weights.indexOf(least))
    .map((one) => `${one.id}: ${one.help}\n    ${one.nodes.slice(0, 4).map((node) => `${node.target.join(" ")} — ${node.failureSummary?.split("\n").slice(1, 2).join("").trim()}`).join("\n    ")}`);
  assert.deepEqual(bad, [], `accessibility of ${where}`);
}

/** Nothing at all that axe finds, however small: what guests' screens are held to. */
export const assertFlawless = (page, where) => assertAccessible(page, where, "minor");

/** No control a guest can touch is smaller than 60 px, and none hangs out of the screen sideways. */
export async function assertTouchable(page, where) {
  const small = await page.evaluate(() => [...(([...document.querySelectorAll("dialog[open]")].at(-1) ?? document).querySelectorAll("button, a[href], input"))]
    .filter((one) => one.checkVisibility())
    .map((one) => ({ box: one.getBoundingClientRect(), name: one.getAttribute("aria-label") ?? one.textContent }))
    .filter(({ box }) => box.width < 59.5 || box.height < 59.5 || box.left < -0.5 || box.right > innerWidth + 0.5)
    .map(({ box, name }) => `${name}: ${Math.round(box.width)} × ${Math.round(box.height)} at ${Math.round(box.left)}`));
  assert.deepEqual(small, [], `controls of ${where}`);
}

export const words = {
  ru: JSON.parse(readFileSync(new URL("../../src/web/i18n/ru.json", import.meta.url), "utf8")),
  uz: JSON.parse(readFileSync(new URL("../../src/web/i18n/uz.json", import.meta.url), "utf8")),
  en: JSON.parse(readFileSync(new URL("../../src/web/i18n/en.json", import.meta.url), "utf8")),
};

/** Lets every JSON answer to `path` pass through `change`, which may be replaced while the page runs. */
export async function bend(page, path, change) {
  await page.route((url) => new RegExp(`^/api/v1/${path}$`).test(url.pathname), async (route) => {
    const answer = await route.fetch().catch(() => null);
    if (!answer) return route.abort("connectionrefused");
    if (!answer.ok()) return route.fulfill({ response: answer });
    return route.fulfill({ response: answer, json: change(await answer.json(), route.request()) });
  });
}

export const problem = (slug, status, message) => ({ status, contentType: "application/problem+json", body: JSON.stringify({ type: `https://galley.invalid/problems/${slug}`, slug, title: slug, status, detail: slug, message }) });

export const text = (word) => ({ ru: `Причина: ${word}`, uz: `Sabab: ${word}`, en: `Reason: ${word}` });

/** The kiosk's present screen. */
export const on = (page, screen) => page.locator(`.stage[data-screen="${screen}"]`);

/** What a guest in no mood for talk touches on each screen between the menu and the choice of a tender. */
const next = {
  service: '[data-service="here"]',
  menu: ".cartbar .btn-main",
  suggest: "[data-skip]",
  cart: ".cartbar .btn-main",
  loyalty: "[data-skip]",
  contact: "[data-skip]",
  receipt: '[data-receipt="paper"]',
};

/** Goes on, screen after screen, until `end`; `look` sees every screen before it is left. */
export async function onward(page, end = "tender", look = async () => undefined) {
  for (;;) {
    const now = await page.locator(".stage").getAttribute("data-screen");
    if (now === end) return;
    await look(now);
    await page.locator(next[now]).click();
    await page.locator(`.stage:not([data-screen="${now}"])`).waitFor();
  }
}

export async function begin(page, language) {
  await page.locator(`.attract-lang[lang=${language}]`).click();
  await page.locator('.stage:not([data-screen="attract"])').waitFor();
  await onward(page, "menu");
  await page.locator(".card").first().waitFor();
}

/** From the menu to the choice of a tender, with one dish whose id contains `dish`. */
export async function fill(page, dish) {
  await page.locator(`.card[data-dish*="${dish}"] .add`).click();
  await onward(page);
  await page.locator(".tenders").waitFor();
}

export const numberOn = (page) => page.locator(".ticket-number").textContent();

/** Takes the unpaid order on the screen back, so that the day can be closed after the tests. */
export async function callOff(page) {
  const id = await page.evaluate(() => JSON.parse(sessionStorage.getItem("galley.kiosk.session")).order_id);
  const answer = await fetch(new URL(`/api/v1/orders/${id}/cancel`, kiosk), {
    method: "POST",
    headers: { Authorization: "Bearer demo-staff", "Idempotency-Key": randomUUID(), "Content-Type": "application/json" },
    body: "{}",
  });
  assert.equal(answer.status, 200);
}

/** What a QR code in a screenshot of `locator` says. */
export async function readQr(locator) {
  const image = PNG.sync.read(await locator.screenshot());
  const found = jsQr(new Uint8ClampedArray(image.data), image.width, image.height);
  assert.ok(found, "no QR code could be read from the screenshot");
  return found.data;
}

/** No text hangs out of the screen sideways, and none is a key that lacks its words. */
export async function assertReadable(page, where, language) {
  const keys = Object.keys(words.ru).filter((key) => key.includes("."));
  const found = await page.evaluate(([all, tongue]) => {
    const known = new Set(all);
    const bad = [];
    const walker = document.createTreeWalker(document.querySelector(".stage"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const said = node.textContent.trim();
      const parent = node.parentElement;
      if (said === "" || !parent.checkVisibility()) continue;
      if (known.has(said) || /\{\w+\}|undefined|NaN|\[object/.test(said)) bad.push(`a key or a hole: ${said}`);
      if (parent.closest(`[lang]`) === document.documentElement && tongue !== "ru" && /[а-яё]/i.test(said)) bad.push(`Russian: ${said}`);
      if (parent.closest(".hidden-visually, .rail, .slide")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (box.left < -1 || box.right > innerWidth + 1) bad.push(`out of the screen: ${said}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) bad.push("the page is wider than the screen");
    return bad;
  }, [keys, language]);
  assert.deepEqual(found, [], `words of ${where}`);
}

/** Has the kiosk look at the store and the menu now instead of on its next beat. */
export const look = (page) => page.evaluate(() => dispatchEvent(new Event("online")));
