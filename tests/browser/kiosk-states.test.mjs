// What the kiosk tells a guest when something is wrong. The box's answers are bent on their way to the page,
// so that each state is met at will.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { assertFlawless, assertTouchable, begin, bend, callOff, demoAct, fill, flip, kiosk, launch, look, on, onPage, onward, problem, quit, text, words } from "./support.mjs";

before(launch);
after(quit);

test("a payment whose outcome is unknown is told calmly and ends on the ticket when it is known", async () => {
  await onPage(kiosk, async (page) => {
    let unclear = true;
    let after;
    let calls = 0;
    await page.route("**/api/v1/calls", (route) => {
      if (route.request().method() === "GET") return route.fulfill({ json: { calls: [{ id: "1" }] } });
      calls += 1;
      assert.equal(route.request().postDataJSON().why, "payment");
      return route.fulfill({ status: 201, json: { id: "1" } });
    });
    await bend(page, "orders/[^/]+", (order) => {
      if (unclear) return { ...order, payments: order.payments.map((one) => ({ ...one, state: "unclear" })) };
      return after ? after(order) : order;
    });
    await begin(page, "ru");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.getByRole("heading", { name: words.ru["pay.unclear"] }).waitFor();
    await assertFlawless(page, "unclear");
    assert.equal(await page.locator(".qr").count(), 0, "no second code is offered");
    await page.locator(".lead", { hasText: words.ru["call.sent"] }).waitFor();
    assert.equal(await page.getByText(words.ru["pay.again"]).count(), 0, "no guest is told to try again");
    assert.match(await page.locator(".keep .big-number").textContent(), /\d/);
    assert.equal(calls, 1, "staff are called once");
    unclear = false;
    after = (order) => ({ ...order, state: "paid", due_minor: 0, payments: order.payments.map((one) => ({ ...one, state: "captured" })) });
    await page.locator(".ticket-number").waitFor();
    await callOff(page);
  });
});

async function api(method, path, body, token = "demo-staff") {
  const answer = await fetch(`${new URL(kiosk).origin}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": randomUUID() },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return answer.json();
}

/** A kiosk of a test's own, which may be renamed and shut out. */
async function pairedKiosk() {
  const name = `K-${randomUUID().slice(0, 6)}`;
  const asked = await api("POST", "/pairing", { role: "kiosk" });
  await api("POST", "/screens", { code: asked.code, name, role: "kiosk" });
  const { token } = await api("GET", "/pairing", null, asked.poll_token);
  return { name, address: kiosk.replace(/#.*/, `#token=${token}`) };
}

/** A guest in the middle of paying by QR code. */
async function payingByCode(page) {
  await begin(page, "en");
  await fill(page, "borscht");
  await page.locator('[data-tender="sbp_qr"]').click();
  await page.locator("img.qr").waitFor();
}

test("a kiosk that is renamed, or reloaded while the box does not answer, keeps the order that its guest is paying", async () => {
  const { name, address } = await pairedKiosk();
  await onPage(address, async (page) => {
    await payingByCode(page);
    await api("POST", `/screens/${name}/rename`, { name: `${name}-window` });
    const seen = page.waitForResponse((answer) => /\/orders\/[^/]+$/.test(answer.url()));
    assert.equal((await seen).status(), 200, "the order is still its own");
    await page.locator("img.qr").waitFor();
    let lost = 0;
    await page.route(/\/orders\/[^/]+$/, (route) => (lost++ < 2 ? route.abort() : route.continue()));
    await page.reload();
    await page.locator("img.qr").waitFor();
    assert.ok(lost > 2, "it asked until it was answered");
    await callOff(page);
    await api("POST", `/screens/${name}-window/revoke`, {});
  });
});

test("a kiosk that is shut out while a guest pays stays calm until the outcome is known, and asks to be paired only then", async () => {
  const { name, address } = await pairedKiosk();
  await onPage(address, async (page) => {
    await payingByCode(page);
    const number = (await page.locator(".order-chip").textContent()).replace(/\D/g, "");
    await api("POST", `/screens/${name}/revoke`, {});
    await page.getByRole("heading", { name: words.en["pay.unclear"] }).waitFor();
    await page.locator(".lead", { hasText: words.en["call.sent"] }).waitFor();
    assert.equal(await page.locator(".keep .big-number").textContent(), number);
    assert.equal(await page.locator(".pairing, [data-other], [data-cancel], img.qr").count(), 0);
    const { calls } = await api("GET", "/calls");
    const call = calls.find((one) => one.kiosk === name);
    assert.equal(call?.why, "payment", "the box has called somebody");
    await assertFlawless(page, "shut out");
    await demoAct("pay");
    await page.locator(".ticket-number", { hasText: number }).waitFor();
    await page.locator(".ticket-end .btn-main").click();
    await page.locator(".pairing").waitFor();
    await api("POST", `/calls/${call.id}/answer`, {});
  });
});

test("each end of an order and of a payment has its own sentence", async () => {
  await onPage(kiosk, async (page) => {
    let bent = (order) => order;
    await bend(page, "orders/[^/]+", (order) => bent(order));
    await begin(page, "ru");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.locator("img.qr").waitFor();
    // A payment that ended otherwise than by the clock says how.
    for (const [closed_by, title] of [["refused", "pay.declined"], ["not_wanted", "pay.withdrawn"], ["time_over", "pay.closed"]]) {
      bent = (order) => ({ ...order, payments: order.payments.map((one) => ({ ...one, state: "closed", closed_by, reason: text(closed_by) })) });
      await look(page);
      await page.getByRole("heading", { name: words.ru[title], exact: true }).waitFor();
      assert.equal(await page.getByText(words.ru["pay.closed"], { exact: true }).count(), closed_by === "time_over" ? 1 : 0);
    }
    for (const [state, note] of [["refunded", "staff"], ["cancelled", "by staff"], ["expired", "too late"]]) {
      bent = (order) => ({ ...order, state, note: text(note), refunds: state === "refunded" ? [{ id: "1", amount_minor: 100, state: "done", reason: "cold" }] : [] });
      await look(page);
      await page.locator(".ticket-note", { hasText: text(note).ru }).waitFor();
      assert.equal(await page.getByText(/не получилось/).count(), 0, "nobody blames the kitchen");
    }
    await callOff(page);
  });
});

test("while the bank can't be asked about a code that was shown, the guest is not led to pay twice", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "en");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.locator("img.qr").waitFor();
    try {
      await flip("internet", false);
      await page.getByRole("heading", { name: words.en["pay.away"] }).waitFor();
      assert.equal(await page.locator("[data-other], [data-cancel], img.qr").count(), 0, "no other way and no way out is offered");
      assert.match(await page.locator(".keep .big-number").textContent(), /\d/);
      await assertFlawless(page, "the bank is away");
      await assertTouchable(page, "the bank is away");
    } finally {
      await flip("internet", true);
    }
    await page.locator("img.qr").waitFor();
    await page.locator("[data-cancel]").waitFor();
    await demoAct("pay");
    await page.locator(".ticket-number").waitFor();
  });
});

test("when the bank stays away, a guest who has not paid is asked before another way to pay is offered", async () => {
  await onPage(kiosk, async (page) => {
    let away = false;
    let calls = 0;
    await page.route("**/api/v1/calls", (route) => {
      if (route.request().method() === "GET") return route.fulfill({ json: { calls: [{ id: "1" }] } });
      calls += 1;
      assert.equal(route.request().postDataJSON().why, "payment");
      return route.fulfill({ status: 201, json: { id: "1" } });
    });
    await bend(page, "store", (store) => ({ ...store, tenders: store.tenders.map((one) => (away && one.tender === "sbp_qr" ? { ...one, available: false, reason: text("bank") } : one)) }));
    await begin(page, "uz");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.locator("img.qr").waitFor();
    away = true;
    await look(page);
    await page.getByRole("heading", { name: words.uz["pay.away"] }).waitFor();
    await page.locator("[data-staff]").click();
    await page.getByText(words.uz["call.sent"]).first().waitFor();
    assert.equal(calls, 1);
    await page.locator('[data-sheet="call"] .btn-main').click();
    await page.locator("[data-other]").click();
    await page.getByRole("heading", { name: words.uz["pay.away.ask"] }).waitFor();
    await assertFlawless(page, "has the guest paid?");
    await assertTouchable(page, "has the guest paid?");
    await page.locator('[data-sheet="paid"] .btn-main').click();
    await page.getByRole("heading", { name: words.uz["pay.away"] }).waitFor();
    await page.locator("[data-other]").click();
    await page.locator('[data-sheet="paid"] [data-go]').click();
    await on(page, "tender").waitFor();
    await page.locator('[data-tender="sbp_qr"][aria-disabled="true"]').waitFor();
    await callOff(page);
  });
});

const cartOf = (page) => page.locator(".line").evaluateAll((lines) => lines.map((line) => [line.dataset.dish, line.dataset.fault]));

test("a price that changes while the dish is in the cart is announced, before and at the till", async () => {
  await onPage(kiosk, async (page) => {
    let dearer = 0;
    await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}+${dearer}`, dishes: menu.dishes.map((dish) => ({ ...dish, price_minor: dish.price_minor + dearer })) }));
    await begin(page, "en");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    dearer = 700;
    await look(page);
    await page.getByText(words.en["cart.price.changed"]).waitFor();
    await page.locator(".lines mark").waitFor();
    await assertFlawless(page, "cart with a new price");
  });
  await onPage(kiosk, async (page) => {
    await page.route("**/api/v1/orders", (route) => route.fulfill(problem("price_changed", 409)));
    await begin(page, "en");
    await fill(page, "borscht");
    await page.locator('[data-tender="card_terminal"]').click();
    await on(page, "cart").waitFor();
    assert.ok((await page.locator(".notice").textContent()).includes(words.en["cart.price.changed"]));
  });
});

test("a dish that sells out in the cart brings the guest back to it, says when it is back, and must be taken out", async () => {
  await onPage(kiosk, async (page) => {
    let out = false;
    await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}${out}`, dishes: menu.dishes.map((dish) => (out && dish.id.includes("borscht") ? { ...dish, available: false, reason: null, back_at: Date.now() + 3_600_000 } : dish)) }));
    await begin(page, "uz");
    await fill(page, "borscht");
    out = true;
    await look(page);
    await on(page, "cart").waitFor();
    await page.locator('.line-out[data-fault="sold_out"]').waitFor();
    assert.match(await page.locator(".line-bad").textContent(), /soat \d\d:\d\d da/);
    assert.ok(await page.locator(".cartbar .btn-main").isDisabled());
    await assertFlawless(page, "cart with a dish that is sold out");
    await page.locator(".line-out [data-remove]").click();
    await page.locator(".empty").waitFor();
    await page.locator(".more").click();
    await page.locator('.card-out[data-dish*="borscht"]').waitFor();
    assert.ok(await page.locator('.card[data-dish*="borscht"] .add').isDisabled());
  });
});

const choice = (id, more = {}) => ({ id, name: { ru: `Выбор ${id}`, uz: `Tanlov ${id}`, en: `Choice ${id}` }, price_minor: 0, available: true, allergens: [], standard: false, ...more });
const withOptions = (dish, more = {}) => ({
  ...dish,
  allergens: ["milk"],
  options: [
    { id: "test-size", name: text("size"), min: 1, max: 1, choices: [choice("small", { standard: true }), choice("big", { price_minor: 9000, ...more })] },
    { id: "test-extra", name: text("extra"), min: 0, max: 2, choices: [choice("nut", { allergens: ["nuts"] }), choice("herb"), choice("plain", { without_allergens: ["milk"] })] },
  ],
});

/** The menu with options at the borscht; `gone` takes the big one away. The box's own price of it is left out. */
async function bendOptions(page, gone = () => false) {
  await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}${gone()}`, dishes: menu.dishes.map((dish) => (dish.id.includes("borscht") ? withOptions(dish, { available: !gone() }) : dish)) }));
  await page.route("**/api/v1/quote", (route) => route.fulfill(problem("internal", 503)));
  await page.reload();
}

test("a choice that is gone is announced, and another can be made in the cart", async () => {
  await onPage(kiosk, async (page) => {
    let gone = false;
    await bendOptions(page, () => gone);
    await begin(page, "ru");
    await page.locator('.card[data-dish*="borscht"] .card-open').click();
    await page.locator('[data-choice="big"]').check();
    await page.locator('[data-choice="nut"]').check();
    await page.locator('[data-choice="herb"]').check();
    await page.locator('[data-choice="plain"]').click();
    assert.ok(!(await page.locator('[data-choice="plain"]').isChecked()), "no third of two");
    await assertFlawless(page, "dish with options");
    await page.locator(".sheet-foot .btn-main").click();
    await onward(page, "cart");
    assert.match(await page.locator(".line-options").textContent(), /Выбор big, Выбор nut, Выбор herb/);
    gone = true;
    await look(page);
    await page.locator('.line[data-fault="option_gone"]').waitFor();
    assert.ok(await page.locator(".cartbar .btn-main").isDisabled());
    await page.locator(".line .btn-small").click();
    await page.locator('[data-choice="small"]:checked').waitFor();
    await page.locator(".sheet-foot .btn-main").click();
    await page.locator('.line[data-fault=""]').waitFor();
    assert.ok(await page.locator(".cartbar .btn-main").isEnabled());
  });
});

test("what a guest wants to avoid leaves the menu for the session, and a choice that is free of it is made", async () => {
  await onPage(kiosk, async (page) => {
    await bendOptions(page);
    await begin(page, "en");
    const all = await page.locator(".card").count();
    await page.locator('[data-help="avoid"]').click();
    await page.locator('[data-allergen="milk"]').click();
    await assertFlawless(page, "allergens");
    await page.locator('[data-sheet="avoid"] .btn-main').click();
    await page.locator(".aside").first().waitFor();
    assert.ok((await page.locator(".card").count()) < all, "dishes with milk left");
    await page.locator(".aside .btn").first().click();
    await page.locator(".card-flag-bad").first().waitFor();
    await assertFlawless(page, "menu without an allergen");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await page.locator('[data-choice="plain"]:checked').waitFor();
    assert.equal(await page.locator(".sheet-allergens-bad").count(), 0);
    await page.locator('[data-choice="plain"]').uncheck();
    await page.locator(".sheet-allergens-bad").waitFor();
    await page.reload();
    await page.locator(".help-on").waitFor();
  });
});

test("what is to be avoided is marked in the cart, and asked about once before it is ordered", async () => {
  await onPage(kiosk, async (page) => {
    await bendOptions(page);
    await begin(page, "ru");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    await page.locator(".line").waitFor();
    assert.equal(await page.locator(".line-flag").count(), 0);
    await page.locator('[data-help="avoid"]').click();
    await page.locator('[data-allergen="milk"]').click();
    await page.locator('[data-sheet="avoid"] .btn-main').click();
    const milk = words.ru["allergen.milk"];
    assert.equal((await page.locator(".line-flag").textContent()).trim(), words.ru["menu.allergens"].replace("{list}", milk));
    await page.locator(".cartbar .btn-main").click();
    await page.getByRole("heading", { name: words.ru["avoid.ask"].replace("{list}", milk) }).waitFor();
    await assertFlawless(page, "keep what is to be avoided?");
    await assertTouchable(page, "keep what is to be avoided?");
    await page.locator('[data-sheet="unwanted"] .btn-main').click();
    assert.equal((await cartOf(page)).length, 1);
    await page.locator(".cartbar .btn-main").click();
    await page.locator('[data-sheet="unwanted"] [data-go]').click();
    await page.locator('.stage:not([data-screen="cart"])').waitFor();
    await page.locator("[data-back]").click();
    await onward(page, "tender");
  });
});

test("a dish whose sold-out ingredient can be replaced is sold, and shows what stands in for it before it is ordered", async () => {
  const stop = (path, body) => fetch(new URL(`/api/v1/menu/stops${path}`, kiosk), {
    method: "POST",
    headers: { Authorization: "Bearer demo-staff", "Idempotency-Key": crypto.randomUUID(), "Content-Type": "application/json" },
    body: JSON.stringify({ ingredient_id: "beef", why: "test", ...body }),
  }).then((answer) => assert.ok(answer.ok, `stop: ${answer.status}`));
  await stop("");
  try {
    await onPage(kiosk, async (page) => {
      await begin(page, "en");
      await page.locator('.card-out[data-dish="borscht"]').waitFor();
      assert.equal(await page.locator('.card-out[data-dish="plov"]').count(), 0, "plov can be had with chicken");
      await page.locator('.card[data-dish="plov"] .add').click();
      await page.locator('[data-choice="chicken"]:checked').waitFor();
      assert.ok(await page.locator('[data-choice="beef"]').isDisabled());
      await assertFlawless(page, "dish with a replaced ingredient");
      await page.locator('[data-choice="salad"]').check();
      await page.locator(".sheet-foot .btn-main").click();
      await onward(page, "cart");
      assert.deepEqual(await cartOf(page), [["plov", ""]]);
      await onward(page);
      await page.locator('[data-tender="card_terminal"]').click();
      await page.locator(".pay, .ticket-number").first().waitFor();
      await callOff(page);
    });
  } finally {
    await stop("/lift");
  }
});

test("what was taken out of the cart can be put back", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "uz");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    await page.locator(".stepper button").first().click();
    await page.locator(".empty").waitFor();
    await page.locator(".undo .btn").click();
    assert.deepEqual((await cartOf(page)).map(([, fault]) => fault), [""]);
  });
});

test("starting over asks first when dishes would be lost, and not otherwise", async () => {
  await onPage(kiosk, async (page) => {
    const restart = page.getByRole("button", { name: words.en["start.over"] });
    await begin(page, "en");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await restart.click();
    await page.locator('[data-sheet="restart"]').waitFor();
    await assertFlawless(page, "start over?");
    await assertTouchable(page, "start over?");
    await page.keyboard.press("Escape");
    await page.locator('[data-sheet="restart"]').waitFor({ state: "detached" });
    await restart.click();
    await page.locator('[data-sheet="restart"] .btn-main').click();
    await onward(page, "cart");
    assert.equal((await cartOf(page)).length, 1);
    await restart.click();
    await page.locator('[data-sheet="restart"] [data-go]').click();
    await on(page, "attract").waitFor();
    await begin(page, "en");
    await restart.click();
    await on(page, "attract").waitFor();
  });
});

test("promotions and a promo code lower the sum as the box reckons it, and the order carries both", async () => {
  await onPage(kiosk, async (page) => {
    await page.route("**/api/v1/quote", (route) => {
      const { lines, promo_code } = route.request().postDataJSON();
      const off = promo_code === "TEN" ? 1000 : 0;
      return route.fulfill({ json: {
        lines: lines.map((line) => ({ ...line, sum_minor: line.price_minor * line.quantity, discount_minor: off, promotions: [], available: true })),
        total_minor: lines[0].price_minor - off, discount_minor: off, promotions: off ? [{ id: "ten", name: text("ten"), discount_minor: off }] : [],
        ...(promo_code ? { code: { ok: promo_code === "TEN" } } : {}), ready_at: Date.now() + 600_000,
      } });
    });
    await begin(page, "ru");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    const full = await page.locator(".cartbar strong").textContent();
    const enter = async (code) => {
      await page.locator("[data-code]").click();
      for (const key of code) await page.locator(`[data-sheet="code"] .key:text-is("${key}")`).click();
      await page.locator('[data-sheet="code"] .btn-main').click();
    };
    await enter("NO");
    await page.locator(".code-bad").waitFor();
    await page.getByRole("button", { name: words.ru["code.remove"].replace("{code}", "NO") }).click();
    await enter("TEN");
    await page.locator(".sum-off").waitFor();
    assert.notEqual(await page.locator(".cartbar strong").textContent(), full);
    await assertFlawless(page, "cart with a discount");
    const asked = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/orders"));
    await page.route("**/api/v1/orders", (route) => route.abort());
    await onward(page);
    await page.locator('[data-tender="cash"]').click();
    const body = (await asked).postDataJSON();
    assert.equal(body.promo_code, "TEN");
    assert.ok(body.total_minor > 0);
  });
});

test("without the internet the menu says which ways to pay still work", async () => {
  await onPage(kiosk, async (page) => {
    await bend(page, "store", (store) => ({ ...store, uplink: "offline", tenders: store.tenders.map((one) => (one.tender === "sbp_qr" ? { ...one, available: false, reason: text("net") } : one)) }));
    await page.reload();
    await begin(page, "en");
    const said = await page.locator(".notice-calm").textContent();
    assert.match(said, /card/i);
    assert.doesNotMatch(said, /QR/);
  });
});

const slugs = ["shift", "fiscal_drive", "robot", "menu", "cleaning", "hours", "disk", "paused", "printer"];

test("each way of being closed has its own sentence in three languages and says until when", async () => {
  await onPage(kiosk, async (page) => {
    let accepting = { ok: true };
    await bend(page, "store", (store) => ({ ...store, accepting, zone: "Europe/Moscow" }));
    const seen = new Set();
    for (const slug of slugs) {
      accepting = { ok: false, slug, until_at: Date.now() + 5 * 60_000 };
      await look(page);
      await page.locator(`.closed-reasons[data-slug="${slug}"]`).waitFor();
      for (const language of ["ru", "uz", "en"]) {
        const said = await page.locator(`.closed-reasons p[lang="${language}"]`).textContent();
        assert.ok(said.includes(words[language][`closed.${slug}`]), `${slug} ${language}: ${said}`);
        assert.match(said, /\d\d:\d\d/, "until when");
        seen.add(words[language][`closed.${slug}`]);
      }
      assert.equal(await page.locator(".attract-lang").count(), 0);
    }
    assert.equal(seen.size, slugs.length * 3, "no two causes share a sentence");
    await assertFlawless(page, "closed");
    accepting = { ok: false, slug: "printer", reason: text("paper") };
    await look(page);
    for (const reason of Object.values(text("paper"))) await page.getByText(reason).waitFor();
    accepting = { ok: true };
    await look(page);
    await page.locator(".attract-lang").first().waitFor();
  });
});

test("a store that closes while a guest chooses says so, keeps the choice, and goes on when it opens", async () => {
  await onPage(kiosk, async (page) => {
    let accepting = { ok: true };
    await bend(page, "store", (store) => ({ ...store, accepting }));
    await begin(page, "uz");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    accepting = { ok: false, slug: "cleaning" };
    await look(page);
    await page.locator('.closed-notice[data-slug="cleaning"]').waitFor();
    assert.ok(await page.locator(".cartbar .btn-main").isDisabled());
    accepting = { ok: true };
    await look(page);
    await page.locator(".closed-notice").waitFor({ state: "detached" });
    assert.ok(await page.locator(".cartbar .btn-main").isEnabled());
  });
});

test("a store that closes while a guest chooses how to pay says so once, takes no payment, and goes on when it opens", async () => {
  await onPage(kiosk, async (page) => {
    let accepting = { ok: true };
    await bend(page, "store", (store) => ({ ...store, accepting }));
    await page.route("**/api/v1/orders", (route) => {
      // The page learns of it by the refusal alone.
      accepting = { ok: false, slug: "cleaning" };
      return route.fulfill(problem("not_accepting", 409, text("cleaning")));
    });
    await begin(page, "uz");
    await fill(page, "borscht");
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator('.closed-notice[data-slug="cleaning"]').waitFor();
    await page.locator(".busy").waitFor({ state: "detached" });
    assert.equal(await page.locator(".notice").count(), 1, "one notice");
    assert.equal(await page.locator('.tender:not([aria-disabled="true"])').count(), 0);
    await assertFlawless(page, "closed while paying");
    accepting = { ok: true };
    await look(page);
    await page.locator(".notice").waitFor({ state: "detached" });
    await page.locator('[data-tender="card_terminal"][aria-disabled="false"]').waitFor();
  });
});

test("a dish that is back takes the notice that it ran out along", async () => {
  await onPage(kiosk, async (page) => {
    let out = false;
    await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}${out}`, dishes: menu.dishes.map((dish) => (out && dish.id.includes("borscht") ? { ...dish, available: false } : dish)) }));
    await begin(page, "en");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    out = true;
    await look(page);
    await page.locator(".notice-alert").waitFor();
    out = false;
    await look(page);
    await page.locator(".notice-alert").waitFor({ state: "detached" });
    assert.ok(await page.locator(".cartbar .btn-main").isEnabled());
  });
});

test("a box that stops answering is announced calmly and the cart is kept", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "ru");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await page.route("**/api/v1/**", (route) => route.abort("connectionrefused"));
    await onward(page);
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".ribbon").waitFor();
    assert.ok((await page.locator(".ribbon").textContent()).includes(words.ru["conn.lost"]));
    await page.unroute("**/api/v1/**");
    await page.locator(".ribbon").waitFor({ state: "detached" });
    await page.locator(".pay, .ticket-number").first().waitFor();
  });
});

test("a cart survives a reload of the page, and a new build is taken on the attract screen alone", async () => {
  await onPage(kiosk, async (page) => {
    let build = "one";
    await bend(page, "store", (store) => ({ ...store, build }));
    await page.reload();
    await begin(page, "en");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    await page.reload();
    await page.locator(".line").waitFor();
    assert.equal((await cartOf(page)).length, 1);
    await page.evaluate(() => (globalThis.mark = "same page"));
    const asked = () => page.waitForResponse((answer) => answer.url().endsWith("/api/v1/store"));
    build = "two";
    await Promise.all([asked(), look(page)]);
    assert.equal(await page.evaluate(() => globalThis.mark), "same page", "not under a guest");
    await page.getByRole("button", { name: words.en["start.over"] }).click();
    await page.locator('[data-sheet="restart"] [data-go]').click();
    await page.waitForFunction(() => globalThis.mark === undefined);
    await page.locator(".attract-lang").first().waitFor();
  });
});

test("a picture that can't be had gives way to the drawing, and a dish nobody can draw has its initial", async () => {
  await onPage(kiosk, async (page) => {
    await page.route("**/pictures/**", (route) => route.fulfill({ status: 404 }));
    await bend(page, "menu", (menu) => ({ ...menu, version: "art", dishes: menu.dishes.map((dish, n) => (dish.id.includes("borscht") ? { ...dish, picture: { hash: "none", sizes: [320, 640, 1280] } } : n === 1 ? { ...dish, id: "x1", category: dish.category, picture: null } : dish)) }));
    await page.reload();
    await begin(page, "en");
    await page.locator('.card[data-dish*="borscht"] svg.dish-art').waitFor();
    assert.equal(await page.locator(".dish-photo").count(), 0);
  });
});
