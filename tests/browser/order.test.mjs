import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { begin, board, demo, demoAct, demoState, fill, flip, hq, kiosk, launch, numberOn, onPage, quit, readQr, settled, until, words } from "./support.mjs";

before(launch);
after(quit);
beforeEach(async () => {
  for (const id of ["internet", "bank", "printer_cable", "paper", "robot_link"]) await flip(id, true);
  await flip("robot_jam", false);
});

async function payByQr(page) {
  await page.locator('[data-tender="sbp_qr"]').click();
  const code = page.locator("img.qr");
  await code.waitFor();
  const box = await code.boundingBox();
  assert.ok(box && box.width >= 300 && box.height >= 300, "the code is at least 300 px wide");
  assert.match(await page.locator(".countdown strong").textContent(), /^\d+:\d\d$/);
  const orders = await page.evaluate(() => JSON.parse(sessionStorage.getItem("galley.kiosk.session")).order_id);
  const token = await page.evaluate(() => localStorage.getItem("galley.kiosk.token"));
  const order = await (await fetch(new URL(`/api/v1/orders/${orders}`, kiosk), { headers: { Authorization: `Bearer ${token}` } })).json();
  assert.equal(await readQr(code), order.payments.at(-1).qr.payload, "the screen shows the code that the bank gave");
  await demoAct("pay");
  await page.locator(".ticket-number").waitFor();
}

test("a borscht paid by QR is charged, receipted, cooked and booked once, and its number is called", async () => {
  const before = await settled();
  await onPage(kiosk, async (page) => {
    await begin(page, "ru");
    await fill(page, "borscht");
    await payByQr(page);
    const number = (await numberOn(page)).trim();
    await onPage(board, async (screen) => {
      await screen.locator(`.numbers li:text-is("${number}")`).first().waitFor();
    });
    await page.locator(".ticket-ready, .ticket-closed").waitFor();
  });
  const { counts } = await until("the books to agree", demoState, (now) =>
    now.counts.charges === before.counts.charges + 1 && now.counts.receipts === before.counts.receipts + 1 &&
    now.counts.dishes === before.counts.dishes + 1 && now.hq.backlog === 0);
  assert.equal(counts.charges, before.counts.charges + 1);
  assert.equal(counts.receipts, before.counts.receipts + 1);
  assert.equal(counts.dishes, before.counts.dishes + 1);
  // Orders of earlier tests may still be on their way to being closed.
  await until("the day to be closed", () => demoAct("end-day").then(() => true, () => false), Boolean);
  const evening = await until("the day's report in 1C", demoState, (now) => now.counts.accounting === now.counts.receipts);
  assert.equal(evening.counts.accounting, counts.receipts);
});

test("without the internet the QR tender is refused in the guest's language and the card still works", async () => {
  await flip("internet", false);
  for (const language of ["ru", "uz", "en"]) {
    await onPage(kiosk, async (page) => {
      await begin(page, language);
      await fill(page, "borscht");
      const qr = page.locator('[data-tender="sbp_qr"]');
      await page.locator('[data-tender="sbp_qr"][aria-disabled="true"]').waitFor();
      const why = (await qr.locator(".tender-why").textContent()).trim();
      assert.ok(why.length > 5, "a reason is given");
      if (language === "ru") assert.match(why, /[а-яё]/i);
      else assert.doesNotMatch(why, /[а-яё]/i);
      assert.equal(await page.locator('[data-tender="card_terminal"]').getAttribute("aria-disabled"), "false");
      await page.locator(".tenders").locator("button[aria-disabled=false]").first().waitFor();
    });
  }
});

test("a payment that is called off is told as that, and the order can be paid again", async () => {
  for (const language of ["ru", "uz", "en"]) {
    await onPage(kiosk, async (page) => {
      await begin(page, language);
      await fill(page, "borscht");
      const [begun] = await Promise.all([
        page.waitForResponse((answer) => answer.request().method() === "POST" && answer.url().endsWith("/payments")),
        page.locator('[data-tender="sbp_qr"]').click(),
      ]);
      await page.locator("img.qr").waitFor();
      const { id } = await begun.json();
      const called = await fetch(new URL(`/api/v1/payments/${id}/cancel`, kiosk), {
        method: "POST",
        headers: { Authorization: "Bearer demo-staff", "Idempotency-Key": crypto.randomUUID(), "Content-Type": "application/json" },
        body: "{}",
      });
      assert.equal(called.status, 200);
      await page.getByText(words[language]["pay.withdrawn"], { exact: true }).waitFor();
      await page.getByText(words[language]["pay.withdrawn.more"], { exact: true }).waitFor();
      await page.locator(".actions .btn-main").click();
      await page.locator("img.qr").waitFor();
      await demoAct("pay");
      await page.locator(".ticket-number").waitFor();
    });
  }
});

test("a double tap and a lost answer place one order and start one payment", async () => {
  await onPage(kiosk, async (page) => {
    const keys = { orders: [], payments: [] };
    await page.route("**/api/v1/orders**", async (route) => {
      const request = route.request();
      if (request.method() !== "POST") return route.continue();
      const kind = request.url().endsWith("/payments") ? "payments" : "orders";
      keys[kind].push(request.headers()["idempotency-key"]);
      if (keys[kind].length > 1) return route.continue();
      // The act reaches the box; its answer is lost on the way back.
      await route.fetch();
      return route.abort("connectionreset");
    });
    const before = await settled();
    await begin(page, "ru");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').dblclick();
    await page.locator("img.qr").waitFor();
    await demoAct("pay");
    await page.locator(".ticket-number").waitFor();
    assert.ok(keys.orders.length >= 2 && keys.payments.length >= 2, "both were tried again");
    assert.equal(new Set(keys.orders).size, 1, "one key for one order");
    assert.equal(new Set(keys.payments).size, 1, "one key for one payment");
    await until("one charge", demoState, (now) => now.counts.charges === before.counts.charges + 1);
  });
});

test("a guest who is paying keeps the order through a power cut of the box", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "uz");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.locator("img.qr").waitFor();
    const number = (await page.locator(".order-chip").textContent()).replace(words.uz["pay.number"].replace("{number}", ""), "").trim();
    await demoAct("switch", { id: "power", on: true }).catch(() => undefined);
    await until("the bank to take the payment", () => demoAct("pay").then(() => true, () => false), Boolean);
    await page.locator(".ticket-number").waitFor();
    assert.equal((await numberOn(page)).trim(), number);
  });
});

test("a page that is reloaded in the middle of paying comes back to the same order", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "en");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.locator("img.qr").waitFor();
    const chip = await page.locator(".order-chip").textContent();
    await page.reload();
    await page.locator("img.qr").waitFor();
    assert.equal(await page.locator(".order-chip").textContent(), chip);
    await demoAct("pay");
    await page.locator(".ticket-number").waitFor();
  });
});

test("the demo page shows the cut and the counts, and its button plays the guest's phone", async () => {
  await onPage(demo, async (page) => {
    await page.locator('[data-switch="bank"]').click();
    await page.locator('[data-switch="bank"][aria-checked="false"]').waitFor();
    await page.locator('[data-switch="bank"]').click();
    await page.locator('[data-switch="bank"][aria-checked="true"]').waitFor();
    const guest = page.frameLocator(".kiosk-glass iframe");
    const charges = Number(await page.locator('[data-count="charges"] dd').textContent());
    await begin(guest, "ru");
    await fill(guest, "borscht");
    await guest.locator('[data-tender="sbp_qr"]').click();
    await guest.locator("img.qr").waitFor();
    await page.locator(".pay-live").click();
    await guest.locator(".ticket-number").waitFor();
    await page.locator(`[data-count="charges"] dd:text-is("${charges + 1}")`).waitFor();
    await page.locator(`[data-count="receipts"] dd:text-is("${charges + 1}")`).waitFor();
  });
});

test("headquarters lists the store with its state", async () => {
  await onPage(hq, async (page) => {
    await page.locator(".fleet-body [data-store]").first().waitFor();
    await page.locator(".fleet-body .state").first().waitFor();
  });
});
