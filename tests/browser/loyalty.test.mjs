// Points at the kiosk: known by phone or card, joined with consent, a part of an order paid by them; by touch and by
// keyboard, in each language and on both glasses; and nothing of a guest is left for the next one.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { assertFlawless, assertReadable, assertTouchable, begin, bend, demoState, fill, flip, kiosk, launch, look, on, onPage, onward, quit, until, words } from "./support.mjs";

before(launch);
after(quit);

const glasses = { standing: { width: 1080, height: 1920 }, counter: { width: 768, height: 1024 } };
const origin = new URL(kiosk).origin;
const shots = process.env.GALLEY_SHOTS;

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

/** Ten digits that nobody has typed before. */
const someone = () => `9${String(Math.floor(Math.random() * 1e9)).padStart(9, "0")}`;

/** A member with so many points, known by this. */
async function member(way, points) {
  const { member: id } = await api("POST", "/loyalty/members", { ...way, terms: "1" });
  if (points) await api("POST", `/loyalty/members/${id}/adjust`, { points, reason: "a gift" });
  return id;
}

const account = (id) => api("GET", `/loyalty/members/${id}`);

async function tap(page, digits) {
  for (const digit of digits) await page.locator(".key", { hasText: new RegExp(`^${digit}$`) }).click();
}

/** From the attract screen to the question for the number, with a plov in the cart. */
async function toLoyalty(page, language) {
  await begin(page, language);
  await page.locator('.card[data-dish="plov"] .add').click();
  await onward(page, "loyalty");
}

/** Everything that the browser keeps. */
const kept = (page) => page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));

for (const [glass, viewport] of Object.entries(glasses)) {
  for (const language of ["ru", "uz", "en"]) {
    test(`a guest joins, comes back and pays a part by points, by touch, in ${language} on the ${glass} glass`, async () => {
      const digits = someone();
      await onPage(kiosk, async (page) => {
        const check = async (where) => {
          await page.evaluate(() => document.fonts.ready);
          if (shots) await page.screenshot({ path: `${shots}/loyalty-${where}-${language}-${glass}.png` });
          await assertReadable(page, where, language);
          await assertTouchable(page, where);
          await assertFlawless(page, where);
        };
        await toLoyalty(page, language);
        const [skip, next] = await Promise.all([".footbar [data-skip]", ".footbar .btn-main"].map((one) => page.locator(one).boundingBox()));
        assert.ok(Math.abs(skip.width - next.width) < 1 && Math.abs(skip.height - next.height) < 1, "to skip is as big as to go on");
        await check("ask");
        await tap(page, digits.slice(0, 4));
        await page.locator(".footbar .btn-main").click();
        await page.locator(".fault", { hasText: words[language]["phone.incomplete"] }).waitFor();
        await tap(page, digits.slice(4));
        await page.locator(".footbar .btn-main").click();
        await page.locator("[data-join]").waitFor();
        await check("join");
        assert.ok((await page.locator(".stage").textContent()).includes(`•••• ${digits.slice(-4)}`), "the number is masked");
        await page.locator("[data-join]").click();
        await page.locator(".club-card").waitFor();
        assert.equal(await page.locator(".club-points strong").textContent(), "0");
        assert.ok(!(await page.content()).includes(digits) && !(await kept(page)).includes(digits), "nothing but the screen's memory has the number");
        await check("welcome");
        // Somebody gives points; the guest is asked again, as on the next visit.
        const { member: id } = await api("POST", "/loyalty/lookup", { phone: `+7${digits}` });
        await api("POST", `/loyalty/members/${id}/adjust`, { points: 500, reason: "a gift" });
        await page.locator("[data-other]").click();
        await tap(page, digits);
        await page.locator(".footbar .btn-main").click();
        await page.locator(".club-facts li").nth(1).waitFor();
        assert.equal(await page.locator(".club-points strong").textContent(), "500");
        await check("known");
        await page.locator("[data-next]").click();
        await onward(page, "tender");
        await page.locator("[data-points]").waitFor();
        await check("tender");
        const full = await page.locator(".due strong").textContent();
        await page.locator("[data-points]").click();
        assert.equal(await page.locator(".due s").textContent(), full);
        assert.match(await page.locator(".due strong").textContent(), /294/);
        await check("tender with points");
        await page.locator('[data-tender="card_terminal"]').click();
        await page.locator(".ticket-number").waitFor();
        await page.locator(".ticket-points").waitFor();
        assert.match(await page.locator(".ticket-points").textContent(), /14.*126/s);
        await check("ticket");
        const now = await until("the points", () => account(id), (one) => one.held === 0 && one.balance === 500 - 126 + 14);
        assert.equal(now.spent_minor, 29_400);
        await page.locator(".ticket-end .btn-main").click();
        await on(page, "attract").waitFor();
        // The next guest finds nobody there.
        await toLoyalty(page, language);
        assert.equal(await page.locator(".club-card").count(), 0);
        assert.equal(await page.locator(".phone-form .field").inputValue(), "");
      }, { viewport, hasTouch: true });
    });
  }
}

test("the whole way by keyboard alone, and the number again for the message without typing it again", async () => {
  const digits = someone();
  await member({ phone: `+7${digits}` }, 200);
  await onPage(kiosk, async (page) => {
    await toLoyalty(page, "en");
    const press = async (selector) => {
      await page.locator(selector).first().waitFor();
      for (let i = 0; i < 200; i += 1) {
        if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) break;
        await page.keyboard.press("Tab");
      }
      assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", `the focus can be seen on ${selector}`);
      await page.keyboard.press("Enter");
    };
    for (let i = 0; i < 50 && !(await page.evaluate(() => document.activeElement?.matches(".phone-form .field") ?? false)); i += 1) await page.keyboard.press("Tab");
    await page.keyboard.type(digits, { delay: 90 });
    await page.keyboard.press("Enter");
    await press("[data-next]");
    await on(page, "contact").waitFor();
    assert.ok((await page.locator("[data-known]").textContent()).includes(`•••• ${digits.slice(-4)}`));
    await press("[data-known]");
    await page.locator('.stage:not([data-screen="contact"])').waitFor();
    await onward(page);
    await press("[data-points]");
    assert.equal(await page.locator("[data-points]").getAttribute("aria-checked"), "true");
    await press('[data-tender="card_terminal"]');
    await page.locator(".ticket-points").waitFor();
  }, { viewport: glasses.standing });
});

test("a card at the scanner is taken wherever the focus is, and its Enter presses nothing", async () => {
  const card = `20${someone()}5`;
  await member({ card }, 90);
  await onPage(kiosk, async (page) => {
    await toLoyalty(page, "ru");
    await page.locator(".footbar [data-skip]").focus();
    await page.keyboard.type(card);
    await page.keyboard.press("Enter");
    await page.locator(".club-card").waitFor();
    await on(page, "loyalty").waitFor();
    assert.equal(await page.locator(".club-points strong").textContent(), "90");
    assert.ok((await page.locator(".club-card").textContent()).includes(`•••• ${card.slice(-4)}`));
    // A card that nobody has may join, and a phone number is asked for again.
    await page.locator("[data-other]").click();
    await page.keyboard.type(`99${card}`);
    await page.keyboard.press("Enter");
    await page.locator("[data-join]").waitFor();
    await page.locator("[data-retype]").click();
    await page.locator(".phone-form").waitFor();
  }, { viewport: glasses.standing });
});

test("points that are gone meanwhile leave the guest with the whole sum and a calm word", async () => {
  const digits = someone();
  const id = await member({ phone: `+7${digits}` }, 300);
  await onPage(kiosk, async (page) => {
    await toLoyalty(page, "en");
    await tap(page, digits);
    await page.locator(".footbar .btn-main").click();
    await page.locator("[data-next]").click();
    await onward(page);
    await page.locator("[data-points]").click();
    await api("POST", `/loyalty/members/${id}/adjust`, { points: -300, reason: "spent elsewhere" });
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".notice", { hasText: words.en["loyalty.unspent"] }).waitFor();
    await on(page, "tender").waitFor();
    assert.match(await page.locator(".due strong").textContent(), /420/);
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".ticket-number").waitFor();
    const after = await until("the earned points", () => account(id), (one) => one.balance === 21);
    assert.equal(after.held, 0);
  }, { viewport: glasses.counter });
});

test("a guest who walks away is forgotten, and what points held is free again", async () => {
  const digits = someone();
  const id = await member({ phone: `+7${digits}` }, 300);
  await flip("bank", true);
  await onPage(kiosk, async (page) => {
    await page.clock.install();
    await page.reload();
    await toLoyalty(page, "en");
    await tap(page, digits);
    await page.locator(".footbar .btn-main").click();
    await page.locator(".club-card").waitFor();
    await page.clock.runFor(61_000);
    await page.locator("dialog.idle[open]").waitFor();
    await page.clock.runFor(16_000);
    await on(page, "attract").waitFor();
    await toLoyalty(page, "en");
    assert.equal(await page.locator(".club-card").count(), 0);
    assert.equal((await account(id)).held, 0);
  }, { viewport: glasses.standing });
});

test("the step is left out where the store says so, and without a link the guest is told that the balance is old", async () => {
  await onPage(kiosk, async (page) => {
    let change = (store) => ({ ...store, steps: { ...store.steps, loyalty: false } });
    await bend(page, "store", (store) => change(store));
    await look(page);
    await page.reload();
    await begin(page, "uz");
    await page.locator('.card[data-dish="plov"] .add').click();
    const seen = [];
    await onward(page, "tender", async (screen) => seen.push(screen));
    assert.ok(!seen.includes("loyalty"), seen.join(" "));
    assert.equal(await page.locator("[data-points]").count(), 0);
    await page.locator(".topbar .btn-icon").click();
    await page.locator('[data-sheet="restart"] [data-go]').click();
    await on(page, "attract").waitFor();
    change = (store) => ({ ...store, loyalty: { ...store.loyalty, offline: true } });
    await look(page);
    await page.reload();
    await toLoyalty(page, "uz");
    await page.locator(".club-offline", { hasText: words.uz["loyalty.offline"] }).waitFor();
    await assertFlawless(page, "the question without a link");
    await assertReadable(page, "the question without a link", "uz");
  }, { viewport: glasses.standing });
});

test("at the counter a person makes an order a member's and takes points for a part of it", async () => {
  const digits = someone();
  const id = await member({ phone: `+7${digits}` }, 300);
  const placed = await api("POST", "/orders", { language: "en", service: "here", lines: [{ dish_id: "plov", quantity: 1 }] });
  await onPage(`${origin}/staff/#token=demo-counter`, async (page) => {
    await page.locator(".keypad").waitFor();
    for (const digit of "7391") await page.locator(".keypad .key", { hasText: new RegExp(`^${digit}$`) }).tap();
    await page.locator(".login-go").tap();
    await page.locator(".work").waitFor();
    await page.locator(`.card[data-number="${placed.number}"] .card-open`).tap();
    await page.locator("form.club input").fill(`+7${digits}`);
    await page.locator("form.club .btn").tap();
    await page.locator("div.club").waitFor();
    await page.locator("div.club .btn").tap();
    await until("the points", () => api("GET", `/orders/${placed.id}`), (one) => one.payments[0]?.state === "captured");
    if (shots) await page.screenshot({ path: `${shots}/loyalty-staff.png` });
  }, { viewport: { width: 1280, height: 800 }, hasTouch: true });
  const held = await account(id);
  assert.equal(held.held, 126);
  const cash = await api("POST", `/orders/${placed.id}/payments`, { tender: "cash" });
  assert.equal(cash.amount_minor, 29_400);
  await api("POST", `/payments/${cash.id}/confirm`, {});
  await until("the balance", () => account(id), (one) => one.balance === 300 - 126 + 14);
  await until("the demo to know", demoState, (state) => state.counts !== undefined);
});
