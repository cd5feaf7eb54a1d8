// What the kiosk tells a guest when something is wrong. The box's answers are bent on their way to the page,
// so that each state is met at will.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, begin, fill, kiosk, launch, onPage, quit, words } from "./support.mjs";

before(launch);
after(quit);

const text = (word) => ({ ru: `Причина: ${word}`, uz: `Sabab: ${word}`, en: `Reason: ${word}` });

/** Lets every JSON answer to `path` pass through `change`, which may be replaced while the page runs. */
async function bend(page, path, change) {
  await page.route((url) => new RegExp(`^/api/v1/${path}$`).test(url.pathname), async (route) => {
    const answer = await route.fetch();
    if (!answer.ok()) return route.fulfill({ response: answer });
    return route.fulfill({ response: answer, json: change(await answer.json(), route.request()) });
  });
}

const problem = (slug, status, message) => ({ status, contentType: "application/problem+json", body: JSON.stringify({ type: `https://galley.invalid/problems/${slug}`, slug, title: slug, status, detail: slug, message }) });

test("a store that takes no orders says why in three languages and opens again by itself", async () => {
  await onPage(kiosk, async (page) => {
    let closed = true;
    await bend(page, "store", (store) => (closed ? { ...store, accepting: { ok: false, slug: "printer", reason: text("paper") } } : store));
    await page.reload();
    await page.locator(".closed-reasons").waitFor();
    const shown = await page.locator(".closed-reasons").textContent();
    for (const reason of Object.values(text("paper"))) assert.ok(shown.includes(reason), reason);
    await assertAccessible(page, "closed");
    closed = false;
    await page.locator(".attract-lang").first().waitFor();
  });
});

test("a payment whose outcome is unknown is told calmly and ends on the ticket when it is known", async () => {
  await onPage(kiosk, async (page) => {
    let unclear = true;
    let after;
    await bend(page, "orders/[^/]+", (order) => {
      if (unclear) return { ...order, payments: order.payments.map((one) => ({ ...one, state: "unclear" })) };
      return after ? after(order) : order;
    });
    await begin(page, "ru");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.getByRole("heading", { name: words.ru["pay.unclear"] }).waitFor();
    await assertAccessible(page, "unclear");
    assert.equal(await page.locator(".qr").count(), 0, "no second code is offered");
    unclear = false;
    after = (order) => ({ ...order, state: "paid", due_minor: 0, payments: order.payments.map((one) => ({ ...one, state: "captured" })) });
    await page.locator(".ticket-number").waitFor();
  });
});

test("a price that changed meanwhile is shown before anything is placed", async () => {
  await onPage(kiosk, async (page) => {
    let dearer = 0;
    await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}+${dearer}`, dishes: menu.dishes.map((dish) => ({ ...dish, price_minor: dish.price_minor + dearer })) }));
    await page.route("**/api/v1/orders", (route) => {
      dearer = 1000;
      return route.fulfill(problem("price_changed", 409));
    });
    await begin(page, "en");
    await fill(page, "borscht");
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".lines mark").waitFor();
    assert.ok((await page.locator(".notice").textContent()).includes(words.en["cart.price.changed"]));
  });
});

test("a dish that is sold out cannot be added, and one that sold out in the cart must be taken out", async () => {
  await onPage(kiosk, async (page) => {
    let out = false;
    await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}${out}`, dishes: menu.dishes.map((dish) => (out && dish.id.includes("borscht") ? { ...dish, available: false, reason: text("beetroot") } : dish)) }));
    await page.route("**/api/v1/orders", (route) => {
      out = true;
      return route.fulfill(problem("out_of_stock", 409, text("beetroot")));
    });
    await begin(page, "uz");
    await fill(page, "borscht");
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".line-out").waitFor();
    assert.ok((await page.locator(".notice").textContent()).includes("Sabab: beetroot"));
    assert.ok(await page.locator(".cartbar .btn-main").isDisabled());
    await page.locator(".line-out .btn").click();
    await page.locator(".empty").waitFor();
    await page.locator(".more").click();
    await page.locator('.card-out[data-dish*="borscht"]').waitFor();
    assert.ok(await page.locator('.card[data-dish*="borscht"] .add').isDisabled());
  });
});

test("a box that stops answering is announced calmly and the cart is kept", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "ru");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await page.route("**/api/v1/**", (route) => route.abort("connectionrefused"));
    await page.locator(".cartbar .btn-main").click();
    await page.locator(".cartbar .btn-main").click();
    await page.locator('[data-service="here"]').click();
    await page.locator(".phone-form .btn-quiet").click();
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".ribbon").waitFor();
    assert.ok((await page.locator(".ribbon").textContent()).includes(words.ru["conn.lost"]));
    await page.unroute("**/api/v1/**");
    await page.locator(".ribbon").waitFor({ state: "detached" });
    await page.locator(".pay, .ticket-number").first().waitFor();
  });
});
