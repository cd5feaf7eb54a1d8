import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = new URL("..", import.meta.url);
const catalogues = (page) => Object.fromEntries(["ru", "uz", "en"].map((name) => [name, JSON.parse(readFileSync(new URL(`${page}/i18n/${name}.json`, root), "utf8"))]));

let vite;
let load;
before(async () => {
  vite = await createServer({ configFile: false, root: fileURLToPath(root), appType: "custom", logLevel: "error", server: { middlewareMode: true, ws: false } });
  load = (path) => vite.ssrLoadModule(path);
});
after(() => vite.close());

for (const page of ["staff", "board", "dashboard"]) {
  const all = catalogues(page);

  test(`${page}: every string exists in every language, with the same places to fill`, () => {
    const places = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g) ?? [])].sort();
    for (const name of ["uz", "en"]) {
      assert.deepEqual(Object.keys(all[name]), Object.keys(all.ru), name);
      for (const [key, entry] of Object.entries(all.ru)) assert.deepEqual(places(all[name][key]), places(entry), `${name} ${key}`);
    }
  });

  test(`${page}: Uzbek is written with its own letters`, () => {
    for (const [key, entry] of Object.entries(all.uz)) assert.doesNotMatch(JSON.stringify(entry), /['’‘`]/, key);
  });

  test(`${page}: every string is used, and every string that is asked for is there`, () => {
    const sources = readdirSync(new URL(page, root), { recursive: true })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => readFileSync(new URL(`${page}/${file}`, root), "utf8"))
      .join("\n");
    const built = /^(state|dish|event|role|call|alert|advice|tender|waits|refund\.state|shift|step|act|book|cause|column|command|commanded|cost|detail|device|kind|nav|order|range|rollout|severity|sign|sort|stage|stopped|tab|turned|verdict|way|who)\./;
    assert.deepEqual(Object.keys(all.ru).filter((key) => !sources.includes(`"${key}"`) && !built.test(key)), []);
  });
}

test("the change is what was given above the sum, and too little is no change", async () => {
  const { changeOf } = await load("/staff/cash.ts");
  assert.equal(changeOf(74_000, 100_000), 26_000);
  assert.equal(changeOf(74_000, 74_000), 0);
  assert.equal(changeOf(74_050, 74_000), null);
});

test("the sums that are offered are enough, few, and what people hand over", async () => {
  const { handfuls } = await load("/staff/cash.ts");
  assert.deepEqual(handfuls(74_000), [74_000, 75_000, 80_000, 100_000]);
  for (let due = 100; due < 900_000; due += 12_345) {
    const sums = handfuls(due);
    assert.ok(sums.length > 0 && sums.length <= 4 && sums.every((one) => one >= due && one % 100 === 0), `${due}: ${sums}`);
  }
});

test("a scanner that types keeps every separator, and a returned package is told by its code", async () => {
  const { isSeparator, separated, serial, alike, unitOf } = await load("/staff/code.ts");
  assert.ok(isSeparator("]", true) && isSeparator("F8", false) && !isSeparator("]", false));
  const unit = "010460701035024621kRdG-1%2(UmVa";
  const code = separated(`${unit}93dGVz`, unit.length, unit.length);
  assert.equal(code, `${unit}\u001d93dGVz`);
  assert.equal(serial(unit), "kRdG-1%2(UmVa");
  const other = "010460701035024621kRdG-1%2(UmVb";
  assert.equal(unitOf([other, unit], code), unit);
  assert.equal(unitOf([other], code), undefined);
  assert.equal(unitOf([unit], `]d2${code}`), unit);
  assert.ok(alike([unit, other]) && !alike([unit, "010460222000654921opFcmKa"]));
});

test("every number is on some page though numbers are called all the time, and a called one is on each", async () => {
  const { pageOf, roomIn, sizeFor } = await load("/board/pages.ts");
  const numbers = Array.from({ length: 23 }, (_, n) => String(n + 1));
  const seen = new Set();
  for (let beat = 0; beat < 3; beat += 1) for (const one of pageOf(numbers, [], 10, beat).shown) seen.add(one);
  assert.equal(seen.size, 23);
  assert.deepEqual(pageOf(numbers, ["22"], 10, 0).shown.slice(0, 2), ["22", "1"]);
  assert.deepEqual(pageOf(numbers, ["22"], 30, 5).shown.length, 23);
  for (const called of [["22"], numbers.slice(0, 15)]) {
    const turned = new Set();
    for (let beat = 0; beat < 6; beat += 1) {
      const { shown } = pageOf(numbers, called, 10, beat);
      assert.ok(shown.length <= 10 && new Set(shown).size === shown.length);
      assert.ok(called.slice(0, 5).every((one) => shown.includes(one)));
      for (const one of shown) turned.add(one);
    }
    assert.equal(turned.size, 23);
  }
  assert.deepEqual(pageOf([], [], 10, 5), { shown: [], page: 0, pages: 1 });
  assert.equal(roomIn(1000, 500, 200, 100, 20), 16);
  assert.equal(roomIn(10, 10, 200, 100, 20), 1);
  const sizes = ["large", "usual", "small"];
  assert.deepEqual(sizeFor(4, 39, 30, sizes), { size: "large", room: 4 });
  assert.equal(sizeFor(9, 39, 30, sizes).size, "usual");
  assert.ok(sizeFor(60, 39, 30, sizes).room >= 16, "a full board turns few pages");
});

test("the same dish with the same choices is one line, whatever the order of the choices", async () => {
  const { dropped, merged, priceOf, standard } = await load("/staff/draft.ts");
  const text = { ru: "x", uz: "x", en: "x" };
  const choice = (id, price_minor, more) => ({ id, name: text, price_minor, ...more });
  const dish = { id: "plov", price_minor: 1000, options: [
    { id: "size", name: text, min: 1, max: 1, choices: [choice("s", 0), choice("l", 300, { standard: true })] },
    { id: "extra", name: text, min: 0, max: 2, choices: [choice("egg", 50), choice("herbs", 20)] },
  ] };
  assert.deepEqual(standard(dish), [{ option: "size", choice: "l" }]);
  const a = [{ option: "size", choice: "l" }, { option: "extra", choice: "egg" }];
  assert.equal(priceOf(dish, a), 1350);
  const twice = merged(merged([], dish, a), dish, [...a].reverse());
  assert.deepEqual(twice.map((one) => one.quantity), [2]);
  assert.equal(merged(twice, dish, standard(dish)).length, 2);
  assert.deepEqual(dropped(twice, twice[0].key), []);
});

test("an alert finds its words and its act by the cause", async () => {
  const { kindOf } = await load("/staff/troubles.ts");
  const { ru } = catalogues("staff");
  for (const [key, kind] of [["refund:0193", "refund"], ["robot:attention:3", "robot"], ["device:printer", "printer"], ["fiscal:shift_old", "fiscal.shift"], ["fiscal:drive_days", "fiscal"], ["pin:kiosk:front", "pin"], ["new:thing", "other"]]) {
    assert.equal(kindOf(key), kind);
    if (kind !== "other") assert.ok(ru[`alert.${kind}`] && ru[`advice.${kind}`], kind);
  }
});
