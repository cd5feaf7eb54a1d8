import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const catalogue = (name) => JSON.parse(readFileSync(new URL(`../i18n/${name}.json`, import.meta.url), "utf8"));
const all = { ru: catalogue("ru"), uz: catalogue("uz"), en: catalogue("en") };

let vite;
let load;
before(async () => {
  vite = await createServer({ configFile: false, root: fileURLToPath(new URL("..", import.meta.url)), appType: "custom", logLevel: "error", server: { middlewareMode: true, ws: false } });
  load = (path) => vite.ssrLoadModule(path);
});
after(() => vite.close());

test("every string exists in every language", () => {
  for (const name of ["uz", "en"]) assert.deepEqual(Object.keys(all[name]), Object.keys(all.ru), name);
});

test("a string has the same places to fill in every language", () => {
  const places = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, entry] of Object.entries(all.ru)) {
    for (const name of ["uz", "en"]) assert.deepEqual(places(all[name][key]), places(entry), `${name} ${key}`);
  }
});

test("a counted string has every plural form that its language uses for whole numbers", () => {
  for (const [name, entries] of Object.entries(all)) {
    const rules = new Intl.PluralRules(name);
    const needed = new Set(Array.from({ length: 200 }, (_, n) => rules.select(n)));
    for (const [key, entry] of Object.entries(entries)) {
      if (typeof entry === "string") continue;
      for (const form of needed) assert.ok(entry[form], `${name} ${key} lacks ${form}`);
    }
  }
});

test("Uzbek is written with its own letters, not with quotation marks", () => {
  for (const [key, entry] of Object.entries(all.uz)) assert.doesNotMatch(JSON.stringify(entry), /['’‘`]/, key);
});

test("every string is used", async () => {
  const { readdirSync } = await import("node:fs");
  const root = new URL("..", import.meta.url);
  const sources = ["shared", "kiosk", "board", "demo", "dashboard", "shift-report"]
    .flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true }).filter((file) => /\.tsx?$/.test(file)).map((file) => readFileSync(new URL(`${folder}/${file}`, root), "utf8")))
    .join("\n");
  const built = /^(allergen|job|bank\.state|hq\.shift|tender|demo\.(sw|node|count|link)|step|hq|shift\.(state|tender|diff))\./;
  const unused = Object.keys(all.ru).filter((key) => !sources.includes(`"${key}"`) && !built.test(key));
  assert.deepEqual(unused, []);
});

test("money is shown as people write it", async () => {
  const { money, grouped } = await load("/shared/money.ts");
  const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ");
  assert.equal(plain(money(32000, "RUB", "ru")), "320 ₽");
  assert.equal(plain(money(125050, "RUB", "ru")), "1 250,50 ₽");
  assert.equal(plain(money(125005, "RUB", "en")), "1,250.05 ₽");
  assert.equal(plain(money(-99, "RUB", "uz")), "−0,99 ₽");
  assert.equal(plain(money(123456789000, "RUB", "ru")), "1 234 567 890 ₽");
  assert.equal(grouped(999, "en"), "999");
});

test("the worst store stands first", async () => {
  const { byWorst, conditionOf } = await load("/dashboard/worst.ts");
  const row = (store_id, more) => ({ store_id, online: true, backlog: 0, oldest_age_ms: null, alerts: 0, ...more });
  const rows = [row("fine"), row("late", { backlog: 9, oldest_age_ms: 90_000 }), row("loud", { alerts: 2 }), row("gone", { online: false }), row("brisk", { backlog: 3, oldest_age_ms: 900 })];
  assert.deepEqual(rows.sort(byWorst).map((one) => one.store_id), ["gone", "loud", "late", "brisk", "fine"]);
  assert.equal(conditionOf(rows[3]), "ok");
});

test("known dishes get their own picture and unknown ones that of their category", async () => {
  const { kindOf } = await load("/shared/art/kinds.ts");
  const dish = (id, category, en = "", ru = "") => ({ id, category, name: { en, ru, uz: "" } });
  assert.equal(kindOf(dish("borscht", "soups")), "soup");
  assert.equal(kindOf(dish("d-17", "mains", "Tashkent plov")), "plov");
  assert.equal(kindOf(dish("d-18", "drinks", "House special")), "cold_drink");
  assert.equal(kindOf(dish("x", "y")), "stew");
});
