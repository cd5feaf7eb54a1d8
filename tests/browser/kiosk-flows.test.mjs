// Whole orders at the kiosk: by touch in each language on both glasses, by keyboard alone, in the modes of comfort;
// and what the screen does when nobody touches it.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { assertFlawless, assertReadable, assertTouchable, begin, callOff, demoAct, demoState, fill, flip, kiosk, launch, numberOn, on, onPage, onward, quit, settled, until, words } from "./support.mjs";

before(launch);
after(quit);
beforeEach(async () => {
  for (const id of ["internet", "bank", "printer_cable", "paper", "robot_link"]) await flip(id, true);
  await flip("robot_jam", false);
});

const glasses = { standing: { width: 1080, height: 1920 }, counter: { width: 768, height: 1024 } };
const languages = ["ru", "uz", "en"];

/** Walks a whole order; `check` sees every screen and every sheet. */
async function walk(page, language, check) {
  await page.locator(".attract-lang").first().waitFor();
  await check("attract");
  await page.locator(`.attract-lang[lang=${language}]`).click();
  await page.locator('.stage:not([data-screen="attract"])').waitFor();
  await onward(page, "menu", check);
  await page.locator(".card").first().waitFor();
  await check("menu");
  for (const [help, close] of [["access", ".btn-main"], ["avoid", ".btn-main"], ["call", ".sheet-close"]]) {
    await page.locator(`[data-help="${help}"]`).click();
    await check(`sheet of ${help}`);
    await page.locator(`[data-sheet="${help}"] ${close}`).click();
    await page.locator(`[data-sheet="${help}"]`).waitFor({ state: "detached" });
  }
  await page.locator('.card[data-dish*="borscht"] .card-open').click();
  await page.locator(".sheet-dish").waitFor();
  await check("dish");
  await page.locator(".sheet-foot .stepper button").last().click();
  await page.locator(".sheet-foot .btn-main").click();
  await page.locator(".sheet-dish").waitFor({ state: "detached" });
  await check("menu with a cart");
  await onward(page, "tender", async (screen) => {
    await check(screen);
    if (screen === "cart") {
      await page.locator("[data-code]").click();
      await check("promo code");
      await page.locator('[data-sheet="code"] .sheet-close').click();
    }
    if (screen === "receipt" && (await page.locator('[data-receipt="email"]').count())) {
      await page.locator('[data-receipt="email"]').click();
      await page.locator(".email-form").waitFor();
      await check("e-mail");
      await page.locator("[data-back]").click();
      await page.locator('[data-receipt="paper"]').waitFor();
    }
  });
  await check("tender");
  await page.locator('[data-tender="sbp_qr"]').click();
  await page.locator("img.qr").waitFor();
  const box = await page.locator("img.qr").boundingBox();
  assert.ok(box.width >= 300 && box.height >= 300, "the code is at least 300 px wide");
  assert.ok(box.y >= 0 && box.y + box.height <= page.viewportSize().height, "the whole code can be seen");
  await check("pay");
  await demoAct("pay");
  await page.locator(".ticket-number").waitFor();
  await check("ticket");
  await page.locator(".ticket-end .btn-main").click();
  await on(page, "attract").waitFor();
}

for (const [glass, viewport] of Object.entries(glasses)) {
  for (const language of languages) {
    test(`an order by touch in ${language} on the ${glass} glass: nothing overflows, no word is missing, all can be touched and read out`, async () => {
      await onPage(kiosk, async (page) => {
        // Each screen is judged by axe in every language, on one of the glasses.
        const judged = (glass === "standing") === (language !== "uz");
        await walk(page, language, async (where) => {
          await assertReadable(page, where, where === "attract" ? "ru" : language);
          await assertTouchable(page, where);
          if (judged) await assertFlawless(page, where);
        });
      }, { viewport, hasTouch: true });
    });
  }
}

test("on the counter glass the first choice of a dish is seen without scrolling", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "ru");
    await page.locator('.card[data-dish*="borscht"] .card-open').click();
    const choice = await page.locator(".option .pick").first().boundingBox();
    const foot = await page.locator(".sheet-foot").boundingBox();
    assert.ok(choice.y + choice.height <= foot.y, `${choice.y + choice.height} > ${foot.y}`);
  }, { viewport: glasses.counter });
});

const modes = { reach: ["reach"], large: ["large"], contrast: ["contrast"], all: ["reach", "large", "contrast", "calm"] };

for (const [name, chosen] of Object.entries(modes)) {
  test(`an order in the mode of comfort "${name}" stays readable, touchable and within reach, and the next guest has the usual screen`, async () => {
    await onPage(kiosk, async (page) => {
      await page.locator('[data-help="access"]').click();
      for (const mode of chosen) await page.locator(`[data-mode="${mode}"]`).click();
      await page.locator('[data-sheet="access"] .btn-main').click();
      await walk(page, "ru", async (where) => {
        await assertReadable(page, where, "ru");
        await assertTouchable(page, where);
        if (name === "contrast") await assertFlawless(page, where);
        if (!chosen.includes("reach")) return;
        const high = await page.evaluate(() => [...document.querySelectorAll("button, a[href], input")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().bottom > 0 && one.getBoundingClientRect().top < innerHeight - Math.max(innerHeight * 0.55, 730) - 1 && !one.closest(".shelf, .flow-body, .sheet-text, .rail")).length);
        assert.equal(high, 0, `${where}: a control is out of reach`);
      });
      assert.equal(await page.evaluate(() => document.documentElement.className), "", "the modes end with the order");
    }, { viewport: name === "all" || name === "large" ? glasses.standing : glasses.counter });
  });
}

for (const language of languages) {
  test(`a whole order in ${language} can be made with the keyboard alone and paid by card`, async () => {
    await onPage(kiosk, async (page) => {
      const reach = async (selector) => {
        for (let i = 0; i < 250; i += 1) {
          if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
          await page.keyboard.press("Tab");
        }
        assert.fail(`the Tab key never reached ${selector}`);
      };
      const press = async (selector) => {
        await page.locator(selector).first().waitFor();
        await reach(selector);
        const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(ring, "none", `the focus can be seen on ${selector}`);
        await page.keyboard.press("Enter");
      };
      await press(`.attract-lang[lang=${language}]`);
      await page.locator('.stage:not([data-screen="attract"])').waitFor();
      await press('[data-service="to_go"]');
      await press('.card[data-dish*="borscht"] .card-open');
      await page.locator(".sheet-dish").waitFor();
      await page.keyboard.press("Escape");
      await page.locator(".sheet-dish").waitFor({ state: "detached" });
      await press('.card[data-dish*="borscht"] .card-open');
      await press(".sheet-foot .btn-main");
      await page.locator(".sheet-dish").waitFor({ state: "detached" });
      await press(".cartbar .btn-main");
      await page.locator('.stage:not([data-screen="menu"])').waitFor();
      if (await on(page, "suggest").count()) await press("[data-skip]");
      await on(page, "cart").waitFor();
      await press(".cartbar .btn-main");
      await on(page, "loyalty").waitFor();
      await press("[data-skip]");
      await on(page, "contact").waitFor();
      await reach(".phone-form .field");
      await page.keyboard.type("9161234567");
      await press('.footbar [type="submit"]');
      await page.locator('.stage:not([data-screen="contact"])').waitFor();
      if (await on(page, "receipt").count()) await press('[data-receipt="paper"]');
      await press('[data-tender="card_terminal"]');
      await page.locator(".ticket-number").waitFor();
      assert.match(await numberOn(page), /\d/);
    }, { viewport: glasses.standing });
  });
}

test("a screen or a sheet has the focus before its first frame, so that no key of a quick hand is lost", async () => {
  await onPage(kiosk, async (page) => {
    // Clicks, lets what was promised happen, but no frame and no timer, and tells what has the focus.
    const focusAfter = (selector) => page.evaluate(async (wanted) => {
      document.querySelector(wanted).click();
      for (let i = 0; i < 100; i += 1) await null;
      return document.activeElement.closest("dialog")?.dataset.sheet ?? document.activeElement.tagName;
    }, selector);
    await page.locator(".attract-lang[lang=en]").waitFor();
    assert.equal(await focusAfter(".attract-lang[lang=en]"), "H1");
    await page.locator('[data-help="access"]').waitFor();
    assert.equal(await focusAfter('[data-help="access"]'), "access");
  }, { viewport: glasses.standing });
});

test("arrow keys walk over the menu and the keypad, as a keypad with one button needs it", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "en");
    await page.locator('.card[data-dish*="borscht"] .card-open').focus();
    await page.keyboard.press("ArrowDown");
    assert.ok(await page.evaluate(() => document.activeElement.closest('.card[data-dish*="borscht"]') && document.activeElement.matches(".add")), "down to the button below");
    await page.keyboard.press("Enter");
    await onward(page, "contact");
    await page.locator('.key:text-is("5")').focus();
    for (const [arrow, key] of [["ArrowUp", "2"], ["ArrowLeft", "1"], ["ArrowDown", "4"], ["ArrowRight", "5"]]) {
      await page.keyboard.press(arrow);
      assert.equal(await page.evaluate(() => document.activeElement.textContent), key, arrow);
    }
  }, { viewport: glasses.standing });
});

test("on every screen an idle guest is asked after a minute, and the kiosk is free a quarter of a minute later", async () => {
  await onPage(kiosk, async (page) => {
    await page.clock.install();
    await page.reload();
    const asked = page.locator("dialog.idle[open]");
    await page.locator(".attract-lang").first().waitFor();
    await page.clock.runFor(200_000);
    assert.equal(await asked.count(), 0, "nobody is asked on the attract screen");
    await page.locator(".attract-lang[lang=en]").click();
    let judged = false;
    const idle = async (screen) => {
      await page.clock.runFor(59_000);
      assert.equal(await asked.count(), 0, screen);
      await page.clock.runFor(2000);
      await asked.waitFor();
      if (!judged) await assertFlawless(page, "idle question");
      judged = true;
      await page.locator(".idle .btn-main").click();
      await asked.waitFor({ state: "detached" });
    };
    await page.locator('.stage:not([data-screen="attract"])').waitFor();
    await onward(page, "menu", idle);
    await page.locator('.card[data-dish*="borscht"] .card-open').click();
    await page.locator(".sheet-dish").waitFor();
    await idle("dish");
    await page.locator(".sheet-foot .btn-main").click();
    await onward(page, "tender", idle);
    await page.clock.runFor(61_000);
    await asked.waitFor();
    await page.clock.runFor(16_000);
    await on(page, "attract").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem("galley.kiosk.session") ?? localStorage.getItem("galley.kiosk.session")), null, "nothing is left of the guest");
  });
});

test("guests in a mode of comfort are given twice the time", async () => {
  await onPage(kiosk, async (page) => {
    await page.clock.install();
    await page.reload();
    await page.locator('[data-help="access"]').click();
    await page.locator('[data-mode="calm"]').click();
    await page.locator('[data-sheet="access"] .btn-main').click();
    await page.locator(".attract-lang[lang=en]").click();
    await page.locator('.stage:not([data-screen="attract"])').waitFor();
    await page.clock.runFor(118_000);
    assert.equal(await page.locator("dialog.idle[open]").count(), 0);
    await page.clock.runFor(4000);
    await page.locator("dialog.idle[open]").waitFor();
    await page.clock.runFor(26_000);
    assert.equal(await page.locator("dialog.idle[open]").count(), 1);
    await page.clock.runFor(6000);
    await on(page, "attract").waitFor();
  });
});

test("while money may be moving the screen waits, however long", async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "en");
    await fill(page, "borscht");
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.locator("img.qr").waitFor();
    await page.clock.install();
    await page.mouse.move(5, 5);
    await page.clock.runFor(120_000);
    assert.equal(await page.locator("dialog.idle[open]").count(), 0);
    await page.locator("img.qr").waitFor();
    await callOff(page);
  });
});

test("a daemon that is killed while a guest chooses leaves the cart, and the order is placed once", async () => {
  const before = await settled();
  await onPage(kiosk, async (page) => {
    await begin(page, "uz");
    await page.locator('.card[data-dish*="borscht"] .add').click();
    await onward(page, "cart");
    await demoAct("switch", { id: "power", on: true }).catch(() => undefined);
    await page.locator('.line[data-dish*="borscht"]').waitFor();
    await onward(page);
    await page.locator('[data-tender="card_terminal"]').click();
    await page.locator(".ticket-number").waitFor();
  });
  await until("one charge", demoState, (now) => now.counts.charges === before.counts.charges + 1);
});

test("a daemon that is killed while a guest pays keeps the order, and charges it once", async () => {
  const before = await settled();
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
  await until("one charge", demoState, (now) => now.counts.charges === before.counts.charges + 1 && now.counts.receipts === before.counts.receipts + 1);
});

for (const chosen of [["reach"], ["reach", "large"]]) {
  test(`on the counter glass the pads and the codes stand whole within reach (${chosen.join(", ")})`, async () => {
    await onPage(kiosk, async (page) => {
      await page.locator('[data-help="access"]').click();
      for (const mode of chosen) await page.locator(`[data-mode="${mode}"]`).click();
      await page.locator('[data-sheet="access"] .btn-main').click();
      const whole = async (selector, where) => {
        await page.locator(selector).first().waitFor();
        const cut = await page.evaluate((wanted) => {
          const top = Math.max(document.querySelector(".stage").getBoundingClientRect().top, document.querySelector(".topbar").getBoundingClientRect().bottom);
          const feet = [...document.querySelectorAll(".stage footer")].filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().top);
          const end = Math.min(innerHeight, ...feet);
          return [...document.querySelectorAll(wanted)].filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect()).filter((box) => box.top < top - 1 || box.bottom > end + 1 || box.right > innerWidth + 1).length;
        }, selector);
        assert.equal(cut, 0, `${where}: ${selector} is cut`);
      };
      await begin(page, "uz");
      await page.locator('.card[data-dish*="borscht"] .add').click();
      await onward(page, "tender", async (screen) => {
        if (screen === "loyalty" || screen === "contact") await whole(".key, .field", screen);
        if (screen === "receipt" && (await page.locator('[data-receipt="email"]').count())) {
          await page.locator('[data-receipt="email"]').click();
          await whole(".key, .field", "e-mail");
          await page.locator("[data-back]").click();
          await page.locator('[data-receipt="paper"]').waitFor();
        }
      });
      await page.locator('[data-tender="sbp_qr"]').click();
      await whole("img.qr", "pay");
      await demoAct("pay");
      await page.locator(".ticket-number").waitFor();
      await whole(".ticket-number, .follow-qr", "ticket");
    }, { viewport: glasses.counter });
  });
}

test("a guest calls for a person and is told that staff were called, that somebody comes once they answered, or where to go", async () => {
  await onPage(kiosk, async (page) => {
    const calls = [];
    let works = true;
    let answered = false;
    await page.route("**/api/v1/calls", (route) => {
      if (route.request().method() === "GET") return route.fulfill({ json: { calls: answered ? [] : [{ id: "1" }] } });
      calls.push(route.request().postDataJSON().why);
      return works ? route.fulfill({ status: 201, json: { id: "1", why: "spill" } }) : route.fulfill({ status: 404, contentType: "application/problem+json", body: '{"slug":"not_found","status":404,"title":""}' });
    });
    await page.locator('[data-help="call"]').click();
    await page.locator('[data-why="spill"]').click();
    await page.getByText(words.ru["call.sent"]).first().waitFor();
    await assertFlawless(page, "staff are called");
    await page.waitForResponse((answer) => answer.url().endsWith("/calls") && answer.request().method() === "GET");
    assert.equal(await page.getByText(words.ru["call.coming"]).count(), 0, "nobody has answered yet");
    answered = true;
    await page.getByText(words.ru["call.coming"]).first().waitFor();
    await page.locator('[data-sheet="call"] .btn-main').click();
    works = false;
    await page.locator('[data-help="call"]').click();
    await page.locator('[data-why="allergy"]').click();
    await page.getByText(words.ru["call.failed"]).first().waitFor();
    assert.deepEqual(calls, ["spill", "allergy"]);
  });
});

test("the staff corner opens to a held finger or a key, asks for the PIN, and hands over to the staff screens", async () => {
  await onPage(kiosk, async (page) => {
    await page.route("**/api/v1/sessions", (route) => (route.request().postDataJSON().pin === "2468"
      ? route.fulfill({ status: 201, json: { token: "person", name: "Aziza", role: "cashier", expires_at: 0 } })
      : route.fulfill({ status: 403, contentType: "application/problem+json", body: '{"slug":"forbidden","status":403,"title":""}' })));
    await page.route("**/staff/**", (route) => route.fulfill({ contentType: "text/html", body: "<h1>staff</h1>" }));
    await page.locator(".staff-door").click();
    assert.equal(await page.locator('[data-sheet="staff"]').count(), 0, "a guest's touch does nothing");
    await page.locator(".staff-door").click({ delay: 1400 });
    await page.locator('[data-sheet="staff"]').waitFor();
    await assertFlawless(page, "PIN");
    await assertTouchable(page, "PIN");
    for (const key of "1111") await page.locator(`[data-sheet="staff"] .key:text-is("${key}")`).click();
    await page.locator('[data-sheet="staff"] .btn-main').click();
    await page.getByText(words.ru["staff.wrong"]).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".staff-door").focus();
    await page.keyboard.press("Enter");
    await page.locator('[data-sheet="staff"] input:focus').waitFor();
    await page.keyboard.type("2468");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/staff/#token=person");
  });
});

test("a screen without a key shows a code until it is paired", async () => {
  const bare = kiosk.replace(/#.*/, "");
  await onPage(bare, async (page) => {
    let paired = false;
    await page.route("**/api/v1/pairing", (route) => (route.request().method() === "POST"
      ? route.fulfill({ status: 201, json: { code: "482913", poll_token: "secret", expires_at: Date.now() + 300_000 } })
      : route.fulfill({ json: paired ? { state: "paired", token: new URLSearchParams(new URL(kiosk).hash.slice(1)).get("token") } : { state: "waiting" } })));
    await page.reload();
    await page.locator(".pair-code").waitFor();
    assert.match(await page.locator(".pair-code").textContent(), /^482\s913$/);
    await assertFlawless(page, "pairing");
    await assertTouchable(page, "pairing");
    await page.locator(".lang[lang=uz]").click();
    await page.getByText(words.uz["pair.title"]).waitFor();
    paired = true;
    await page.locator(".attract-lang").first().waitFor();
  }, { viewport: glasses.standing });
});
