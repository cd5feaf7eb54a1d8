import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { pages } from "../build.mjs";
import { wordsOf } from "../words.mjs";

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

test("our plural rules are those of the Unicode", async () => {
  const { pluralForm } = await load("/shared/plural.ts");
  for (const name of ["ru", "uz", "en"]) {
    const rules = new Intl.PluralRules(name);
    for (const n of [...Array(230).keys(), 1001, 1011, 1.5, -1, -2, -11]) assert.equal(pluralForm(n, name), rules.select(n), `${name} ${n}`);
  }
});

test("a string that a language lacks is taken from another one and told once", async () => {
  const { t, tCode, onMissing } = await load("/shared/i18n.ts");
  const told = [];
  onMissing((key, to) => told.push(`${to} ${key}`));
  assert.equal(t("menu.title", {}, "uz"), "Menyu");
  assert.equal(t("no.such.key", {}, "uz"), "no.such.key");
  assert.equal(t("no.such.key", {}, "uz"), "no.such.key");
  assert.equal(tCode("allergen", "star_anise", "en"), "star anise");
  assert.deepEqual(told, ["uz no.such.key", "en allergen.star_anise"]);
});

test("days and times are those of the store's zone, in the words of the language", async () => {
  const { clock, dayName, untilText, backText } = await load("/shared/dates.ts");
  const at = Date.UTC(2026, 10, 22, 21, 5);
  assert.equal(clock(at, "Europe/Moscow"), "00:05");
  assert.equal(clock(at, "Asia/Tashkent"), "02:05");
  assert.equal(dayName(at, "Europe/Moscow", "ru"), "23 ноября");
  assert.equal(dayName(at, "Europe/Moscow", "uz"), "23-noyabr");
  assert.equal(dayName(at, "UTC", "en"), "22 November");
  const now = Date.UTC(2026, 10, 22, 20, 0);
  assert.equal(untilText(Date.UTC(2026, 10, 22, 20, 30), now, "Europe/Moscow", "ru"), "до 23:30");
  assert.equal(untilText(at, now, "Europe/Moscow", "ru"), "до завтра, 00:05");
  assert.equal(untilText(at, now, "UTC", "uz"), "21:05 gacha");
  assert.equal(backText(Date.UTC(2026, 10, 25, 6, 0), now, "Europe/Moscow", "en"), "back on 25 November at 09:00");
  assert.match(clock(at, "No/Such_Zone"), /^\d\d:\d\d$/);
});

test("Uzbek is written with its own letters, not with quotation marks", () => {
  for (const [key, entry] of Object.entries(all.uz)) assert.doesNotMatch(JSON.stringify(entry), /['’‘`]/, key);
});

test("every string is used by some page, and every page finds the strings it names", () => {
  const has = pages.map(wordsOf);
  assert.deepEqual(Object.keys(all.ru).filter((key) => !has.some((one) => one(key))), []);
});

test("a page's bundle carries its own strings and not those of other pages", () => {
  const kiosk = wordsOf("kiosk");
  for (const key of ["attract.title", "allergen.milk", "closed.cleaning", "until.tomorrow", "receipt.email.more"]) assert.ok(kiosk(key), key);
  for (const key of ["demo.title", "shift.signature"]) assert.ok(!kiosk(key), key);
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

test("known dishes get their own picture and unknown ones that of their category", async () => {
  const { kindOf } = await load("/shared/art/kinds.ts");
  const dish = (id, category, en = "", ru = "") => ({ id, category, name: { en, ru, uz: "" } });
  assert.equal(kindOf(dish("borscht", "soups")), "soup");
  assert.equal(kindOf(dish("d-17", "mains", "Tashkent plov")), "plov");
  assert.equal(kindOf(dish("d-18", "drinks", "House special")), "cold_drink");
  assert.equal(kindOf(dish("x", "y")), null, "an initial is shown for it");
});
