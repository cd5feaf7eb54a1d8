import { after, before, test } from "node:test";
import { assertAccessible, assertTouchable, begin, board, demo, demoAct, hq, kiosk, launch, onPage, quit } from "./support.mjs";

before(launch);
after(quit);

const screens = { standing: { width: 1080, height: 1920 }, counter: { width: 1024, height: 768 }, desk: { width: 1280, height: 800 } };

for (const [name, viewport] of Object.entries(screens)) {
  test(`every screen of the kiosk can be seen, touched and read out (${name})`, async () => {
    await onPage(kiosk, async (page) => {
      const check = async (where) => {
        await assertAccessible(page, where);
        await assertTouchable(page, where);
      };
      await page.locator(".attract-lang").first().waitFor();
      await check("attract");
      await begin(page, "ru");
      await page.locator('.card[data-dish*="borscht"] .add').click();
      await check("menu");
      await page.locator('.card[data-dish*="borscht"] .card-open').click();
      await page.locator(".sheet[open]").waitFor();
      await check("dish");
      await page.locator(".sheet-close").click();
      await page.locator(".cartbar .btn-main").click();
      await page.locator(".lines").waitFor();
      await check("cart");
      await page.locator(".cartbar .btn-main").click();
      await page.locator(".choices").waitFor();
      await check("service");
      await page.locator('[data-service="here"]').click();
      await page.locator(".keypad").waitFor();
      await check("phone");
      await page.locator(".phone-form .btn-quiet").click();
      await page.locator(".tenders").waitFor();
      await check("tender");
      await page.locator('[data-tender="sbp_qr"]').click();
      await page.locator("img.qr").waitFor();
      await check("pay");
      await demoAct("pay");
      await page.locator(".ticket-number").waitFor();
      await check("ticket");
    }, { viewport });
  });
}

test("the board can be read out", async () => {
  await onPage(board, async (page) => {
    await page.locator(".board").waitFor();
    await assertAccessible(page, "board");
  });
});

test("the demo page can be read out", async () => {
  await onPage(demo, async (page) => {
    await page.locator("[data-switch]").first().waitFor();
    await assertAccessible(page, "demo");
  });
});

test("the dashboard can be read out", async () => {
  await onPage(hq, async (page) => {
    await page.locator("tbody tr").first().waitFor();
    await assertAccessible(page, "dashboard");
  });
});
