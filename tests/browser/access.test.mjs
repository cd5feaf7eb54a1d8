import { after, before, test } from "node:test";
import { assertAccessible, assertFlawless, board, demo, hq, launch, onPage, quit } from "./support.mjs";

before(launch);
after(quit);

test("the board can be read out", async () => {
  await onPage(board, async (page) => {
    await page.locator(".board").waitFor();
    await assertAccessible(page, "board");
  });
});

test("the demo page can be read out", async () => {
  await onPage(demo, async (page) => {
    await page.locator("[data-switch]").first().waitFor();
    await assertFlawless(page, "demo");
  });
});

test("the dashboard can be read out", async () => {
  await onPage(hq, async (page) => {
    await page.locator(".fleet-body [data-store]").first().waitFor();
    await assertAccessible(page, "dashboard");
  });
});
