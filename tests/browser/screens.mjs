// Pictures of every screen for docs/screens, from a running `galley demo`: `scripts/screens` starts it and this.
// screens.mjs FOLDER [PART …] makes those whose name contains a part; all without.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { begin, bend, board, callOff, demo, demoAct, hq, kiosk, launch, onPage, onward, quit, words } from "./support.mjs";

const [folder, ...parts] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const wanted = (name) => parts.length === 0 || parts.some((part) => name.includes(part));
const origin = new URL(board).origin;
const staff = `${origin}/staff/#token=demo-counter`;
const standing = { viewport: { width: 1080, height: 1920 }, hasTouch: true };
const counter = { viewport: { width: 1280, height: 800 }, hasTouch: true };
const wall = { viewport: { width: 1920, height: 1080 }, locale: "ru-RU" };
const QUALITY = 78;

async function api(method, path, body, token = "demo-staff") {
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": randomUUID() },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** What the page shows now, half as large. */
async function shoot(page, name, scale = 0.5) {
  if (!wanted(name)) return;
  await page.evaluate(() => Promise.all([document.fonts.ready, ...[...document.images].filter((one) => one.checkVisibility()).map((one) => one.decode().catch(() => undefined))]));
  // Two frames: what was just put there is drawn.
  await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
  const cdp = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize();
  // Nothing is shown as if a finger were still on it.
  await page.mouse.move(0, 0);
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((a) => a.effect?.getComputedTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {}))));
  const { data } = await cdp.send("Page.captureScreenshot", { format: "webp", quality: QUALITY, clip: { x: 0, y: 0, width, height, scale } });
  await cdp.detach();
  writeFileSync(`${folder}/${name}.webp`, Buffer.from(data, "base64"));
  console.log(name);
}

const order = (dishes, more = {}) => api("POST", "/orders", { language: "ru", service: "here", lines: dishes.map(([dish_id, quantity = 1]) => ({ dish_id, quantity })), ...more }, "demo-kiosk");
async function pay(placed, tender = "cash") {
  const payment = await api("POST", `/orders/${placed.id}/payments`, { tender });
  await api("POST", `/payments/${payment.id}/confirm`, {});
  return placed;
}

/** One of the parts below, when a picture of it is wanted. */
const jobs = [];
const job = (names, run) => jobs.push({ names, run });

job(["kiosk-attract", "kiosk-service", "kiosk-menu", "kiosk-dish", "kiosk-cart", "kiosk-suggest", "kiosk-contact", "kiosk-loyalty", "kiosk-receipt", "kiosk-tender", "kiosk-qr", "kiosk-ticket"], async () => {
  // Each step in one of the three languages, in turn.
  const shown = new Map([["service", "uz"], ["menu", "ru"], ["suggest", "en"], ["cart", "uz"], ["loyalty", "ru"], ["contact", "ru"], ["receipt", "en"], ["tender", "ru"]]);
  for (const language of ["ru", "uz", "en"]) {
    await onPage(kiosk, async (page) => {
      await page.locator(".attract-lang").first().waitFor();
      if (language === "ru") await shoot(page, "kiosk-attract");
      await page.locator(`.attract-lang[lang=${language}]`).click();
      await page.locator('.stage:not([data-screen="attract"])').waitFor();
      const see = async (screen) => {
        if (shown.get(screen) === language) await shoot(page, `kiosk-${screen}`);
      };
      await onward(page, "menu", see);
      await page.locator(".card").first().waitFor();
      await page.locator('.card[data-dish="borscht"] .card-open').click();
      await page.locator(".sheet-dish").waitFor();
      if (language === "uz") await shoot(page, "kiosk-dish");
      await page.locator(".sheet-foot .btn-main").click();
      await page.locator(".sheet-dish").waitFor({ state: "detached" });
      await page.locator('.card[data-dish="plov"] .add').click();
      await onward(page, "tender", see);
      await see("tender");
      if (language === "uz") {
        await page.locator('[data-tender="sbp_qr"]').click();
        await page.locator("img.qr").waitFor();
        await shoot(page, "kiosk-qr");
        await demoAct("pay");
        await page.locator(".ticket-number").waitFor();
        await shoot(page, "kiosk-ticket");
      }
      if (language === "en") {
        await page.locator('[data-tender="card_terminal"]').click();
        await page.locator(".pay, .ticket-number").first().waitFor();
        await shoot(page, "kiosk-card");
      }
    }, standing);
  }
});

job(["kiosk-access", "kiosk-contrast", "kiosk-reach", "kiosk-avoid", "kiosk-call", "kiosk-counter"], async () => {
  await onPage(kiosk, async (page) => {
    await begin(page, "ru");
    await page.locator('[data-help="avoid"]').click();
    await page.locator('[data-allergen="milk"]').click();
    await shoot(page, "kiosk-avoid");
    await page.locator('[data-sheet="avoid"] .btn-main').click();
    await page.locator('[data-help="call"]').click();
    await page.locator('[data-sheet="call"]').waitFor();
    await shoot(page, "kiosk-call");
  }, standing);
  for (const [name, modes, language] of [["kiosk-contrast", ["large", "contrast"], "ru"], ["kiosk-reach", ["reach"], "uz"]]) {
    await onPage(kiosk, async (page) => {
      await begin(page, language);
      await page.locator('[data-help="access"]').click();
      for (const mode of modes) await page.locator(`[data-mode="${mode}"]`).click();
      if (name === "kiosk-contrast") await shoot(page, "kiosk-access");
      await page.locator('[data-sheet="access"] .btn-main').click();
      await page.locator('[data-sheet="access"]').waitFor({ state: "detached" });
      await shoot(page, name);
    }, standing);
  }
  await onPage(kiosk, async (page) => {
    await begin(page, "en");
    await shoot(page, "kiosk-counter", 0.6);
  }, { viewport: { width: 768, height: 1024 }, hasTouch: true });
});

job(["kiosk-soldout", "kiosk-price", "kiosk-closed", "kiosk-offline", "kiosk-unclear", "kiosk-idle", "kiosk-pairing"], async () => {
  await api("POST", "/menu/stops", { dish_id: "syrniki", until_at: Date.now() + 5_400_000, why: "gallery" });
  await api("POST", "/menu/stops", { ingredient_id: "beef", why: "gallery" });
  await onPage(kiosk, async (page) => {
    await begin(page, "ru");
    await page.locator(".card-out").first().waitFor();
    await shoot(page, "kiosk-soldout");
  }, standing);
  await api("POST", "/menu/stops/lift", { dish_id: "syrniki", why: "gallery" });
  await api("POST", "/menu/stops/lift", { ingredient_id: "beef", why: "gallery" });
  await onPage(kiosk, async (page) => {
    let dearer = 0;
    await bend(page, "menu", (menu) => ({ ...menu, version: `${menu.version}+${dearer}`, dishes: menu.dishes.map((dish) => ({ ...dish, price_minor: dish.price_minor + dearer })) }));
    await begin(page, "uz");
    await page.locator('.card[data-dish="caesar"] .add').click();
    await page.locator('.card[data-dish="mors"] .add').click();
    await onward(page, "cart");
    dearer = 2000;
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator(".lines mark").first().waitFor();
    await shoot(page, "kiosk-price");
  }, standing);
  await onPage(kiosk, async (page) => {
    await bend(page, "store", (store) => ({ ...store, accepting: { ok: false, slug: "cleaning", until_at: Date.now() + 15 * 60_000 } }));
    await page.reload();
    await page.locator('.closed-reasons[data-slug="cleaning"]').waitFor();
    await shoot(page, "kiosk-closed");
  }, standing);
  await onPage(kiosk, async (page) => {
    await bend(page, "store", (store) => ({ ...store, uplink: "offline", tenders: store.tenders.map((one) => (one.tender === "sbp_qr" ? { ...one, available: false, reason: { ru: "Банк сейчас недоступен", uz: "Bank hozir javob bermayapti", en: "The bank can’t be reached now" } } : one)) }));
    await page.reload();
    await begin(page, "en");
    await page.locator(".notice-calm").waitFor();
    await shoot(page, "kiosk-offline");
  }, standing);
  await onPage(kiosk, async (page) => {
    await page.route("**/api/v1/calls", (route) => route.fulfill({ status: 201, json: { id: "1" } }));
    let unclear = true;
    await bend(page, "orders/[^/]+", (one) => (unclear ? { ...one, payments: one.payments.map((p) => ({ ...p, state: "unclear" })) } : one));
    await begin(page, "ru");
    await page.locator('.card[data-dish="lagman"] .add').click();
    await onward(page);
    await page.locator('[data-tender="sbp_qr"]').click();
    await page.getByRole("heading", { name: words.ru["pay.unclear"] }).waitFor();
    await shoot(page, "kiosk-unclear");
    unclear = false;
    await callOff(page);
  }, standing);
  await onPage(kiosk.replace(/#.*/, ""), async (page) => {
    await page.locator(".pair-code").waitFor();
    await page.waitForFunction(() => /\d/.test(document.querySelector(".pair-code").textContent));
    await shoot(page, "kiosk-pairing");
  }, standing);
});

job(["board", "follow"], async () => {
  const made = [];
  for (const dishes of [[["borscht"], ["plov"]], [["caesar"]], [["lagman", 2]], [["achichuk"], ["green-tea"]], [["chicken-grill"]], [["plov", 2], ["mors"]]]) made.push(await pay(await order(dishes)));
  await onPage(board, async (page) => {
    await page.locator(".cooking .step").first().waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll(".cooking .bar i")].some((one) => Number.parseInt(one.style.width, 10) > 10));
    await shoot(page, "board", 0.45);
  }, wall);
  const mine = await api("GET", `/orders/${made.at(-1).id}`, null);
  const link = mine.follow ?? (await fetch(`${origin}/api/v1/orders/${made.at(-1).id}`, { headers: { Authorization: "Bearer demo-kiosk", Host: "x" } }).then((one) => one.json())).follow;
  await onPage(link.url, (page) => shoot(page, "follow", 0.8), { viewport: { width: 390, height: 844 } });
});

job(["staff"], async () => {
  await order([["borscht"], ["mors"]]);
  await pay(await order([["lagman"], ["achichuk"]]));
  await pay(await order([["syrniki"], ["green-tea"]]));
  await api("POST", "/calls", { why: "allergy" }, "demo-kiosk");
  await onPage(staff, async (page) => {
    const go = async (tab) => {
      await page.locator(`[data-tab="${tab}"]`).tap();
      await page.locator(`.tab-${tab}`).waitFor();
    };
    await page.locator(".keypad").waitFor();
    await page.evaluate(() => document.documentElement.style.setProperty("-webkit-tap-highlight-color", "transparent"));
    await shoot(page, "staff-pin");
    for (const digit of "7391") await page.locator(".keypad .key", { hasText: new RegExp(`^${digit}$`) }).tap();
    await page.locator(".login-go").tap();
    await page.locator(".work").waitFor();
    await page.locator("main li").first().waitFor();
    await shoot(page, "staff-orders");
    await go("new");
    for (const dish of ["plov", "achichuk"]) {
      await page.locator(`[data-dish="${dish}"]`).tap();
      const sheet = page.locator(".sheet[open] footer .btn-main");
      await page.locator(".tray-lines li").last().or(sheet).first().waitFor();
      if (await sheet.isVisible()) await sheet.tap();
    }
    await page.locator(".tray-lines li").nth(1).waitFor();
    await shoot(page, "staff-take");
    await go("attention");
    await page.locator(".trouble").first().waitFor();
    await shoot(page, "staff-calls");
    await go("stops");
    await page.locator(".stops li").first().waitFor();
    await shoot(page, "staff-stops");
    await go("shift");
    await page.locator(".shift .sums").waitFor();
    await shoot(page, "staff-shift");
    await go("screens");
    await page.locator(".tab-screens [data-screen], .tab-screens .empty").first().waitFor();
    await shoot(page, "staff-screens");
    await go("people");
    await page.locator("[data-person]").first().waitFor();
    await shoot(page, "staff-people");
    await page.locator(".bar .btn-main").tap();
    await page.locator('[data-field="name"]').fill("Азиза");
    await shoot(page, "staff-person");
  }, counter);
});

job(["demo", "hq"], async () => {
  await onPage(demo, async (page) => {
    await page.locator("[data-switch]").first().waitFor();
    await page.frameLocator("iframe").first().locator(".attract-lang, .stage").first().waitFor();
    await shoot(page, "demo", 0.6);
  }, { viewport: { width: 1600, height: 1000 } });
  await onPage(hq, async (page) => {
    await page.locator(".fleet-body .fleet-row").first().waitFor();
    await shoot(page, "hq", 0.6);
  }, { viewport: { width: 1440, height: 900 } });
});

/** What a command writes to a terminal of this size; what runs on is stopped after `ms`. */
function terminal(command, columns, rows, ms) {
  return new Promise((done, fail) => {
    const child = spawn("script", ["-qec", `stty cols ${columns} rows ${rows}; exec ${command}`, "/dev/null"], { env: { ...process.env, TERM: "xterm-256color" }, stdio: ["pipe", "pipe", "inherit"] });
    const bytes = [];
    child.stdout.on("data", (data) => bytes.push(data));
    child.on("error", fail);
    const timer = ms ? setTimeout(() => child.stdin.write("q"), ms) : null;
    child.on("close", () => {
      clearTimeout(timer);
      done(Buffer.concat(bytes).toString("utf8"));
    });
  });
}

const tones = { 31: "#ff8a7a", 32: "#8fd694", 33: "#f2c76b", 36: "#8fc9e8", 90: "#93a0c2", 2: "#93a0c2" };

/** The last whole screen of a terminal, as HTML: colours and bold, nothing else is used. */
function asHtml(raw) {
  const shown = raw.split("\x1b[?1049l")[0].split("\x1b[H").at(-1);
  let html = "";
  let open = 0;
  for (const piece of shown.replaceAll("\r", "").split(/(\x1b\[[0-9;?]*[A-Za-z])/)) {
    const code = /^\x1b\[([0-9;]*)m$/.exec(piece);
    if (code) {
      const numbers = code[1].split(";").map(Number);
      if (numbers.includes(0)) {
        html += "</span>".repeat(open);
        open = 0;
      } else {
        const tone = numbers.map((one) => tones[one]).find(Boolean);
        html += `<span style="${tone ? `color:${tone};` : ""}${numbers.includes(1) ? "font-weight:700;" : ""}${numbers.includes(7) ? "background:#dfe6f5;color:#17233f;" : ""}">`;
        open += 1;
      }
    } else if (!piece.startsWith("\x1b")) {
      html += piece.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    }
  }
  return html + "</span>".repeat(open);
}

job(["cli"], async () => {
  const galley = process.env.GALLEY_BIN ?? "galley";
  for (const [name, words_, rows, ms] of [["cli-status", "status", 30], ["cli-doctor", "doctor", 40], ["cli-watch", "watch", 30, 2500], ["cli-logs", "logs --since 10m", 30], ["cli-qr", "kiosk qr", 40]]) {
    if (!wanted(name)) continue;
    const raw = await terminal(`${galley} ${words_}`, 92, rows, ms);
    const lines = asHtml(raw).trimEnd().split("\n");
    const shown = name === "cli-logs" ? lines.slice(-24) : lines;
    const page_ = `<!doctype html><meta charset="utf-8"><style>
      body { margin: 0; background: #17233f; color: #e9eefb; font: 15px/1.42 "DejaVu Sans Mono", monospace; }
      header { padding: 14px 22px 0; color: #93a0c2; } header b { color: #f2b23a; }
      pre { margin: 0; padding: 10px 22px 20px; font: inherit; ${name === "cli-qr" ? "line-height: 1.164; letter-spacing: 0;" : ""} }</style>
      <header><b>$</b> galley ${words_}</header><pre>${shown.join("\n")}</pre>`;
    await onPage(`data:text/html;base64,${Buffer.from(page_).toString("base64")}`, async (page) => {
      const box = await page.locator("body").evaluate((body) => ({ width: Math.ceil(document.querySelector("pre").scrollWidth), height: Math.ceil(body.scrollHeight) }));
      await page.setViewportSize({ width: Math.max(box.width, 880), height: box.height });
      await shoot(page, name, 1);
    }, { viewport: { width: 880, height: 400 } });
  }
});

await launch();
try {
  for (const { names, run } of jobs) {
    if (parts.length === 0 || names.some((name) => parts.some((part) => name.startsWith(part) || part.startsWith(name)))) await run();
  }

} finally {
  await quit();
}
