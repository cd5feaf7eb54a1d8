// The kiosk's plain values: the cart, the allergens, the order of the steps, the keyboard.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

let vite;
let cart;
let allergens;
let flow;
let keyboard;
let scanner;
before(async () => {
  vite = await createServer({ configFile: false, root: fileURLToPath(new URL("..", import.meta.url)), appType: "custom", logLevel: "error", oxc: { jsx: { runtime: "automatic", importSource: "preact" } }, server: { middlewareMode: true, ws: false } });
  [cart, allergens, flow, keyboard, scanner] = await Promise.all(["cart.ts", "allergens.ts", "flow.ts", "keyboard.tsx", "scanner.ts"].map((file) => vite.ssrLoadModule(`/kiosk/${file}`)));
});
after(() => vite.close());

const text = (word) => ({ ru: word, uz: word, en: word });
const choice = (id, price_minor = 0, more = {}) => ({ id, name: text(id), price_minor, available: true, ...more });
const size = { id: "size", name: text("size"), min: 1, max: 1, choices: [choice("small"), choice("big", 9000, { standard: true })] };
const extra = { id: "extra", name: text("extra"), min: 0, max: 2, choices: [choice("egg", 3000, { allergens: ["eggs"] }), choice("nut", 2000, { allergens: ["nuts"] }), choice("herb", -500)] };
const dish = (id, more = {}) => ({ id, category: "c", name: text(id), description: text(""), price_minor: 10000, weight_g: 1, kcal: 1, allergens: [], cook_s: 1, available: true, ...more });
const menu = (...dishes) => ({ version: "1", categories: [], dishes });
const chosen = (...pairs) => pairs.map((pair) => { const [option, choice] = pair.split("."); return { option, choice }; });

test("a dish comes with its standard choices, or with the first that fill what must be chosen", () => {
  assert.deepEqual(cart.standardOptions(dish("a", { options: [size, extra] })), chosen("size.big"));
  const plain = { ...size, choices: [choice("gone", 0, { available: false }), choice("small"), choice("big")] };
  assert.deepEqual(cart.standardOptions(dish("a", { options: [plain] })), chosen("size.small"));
  assert.deepEqual(cart.unmet(dish("a", { options: [{ ...size, choices: [choice("gone", 0, { available: false })] }] }), []).length, 1);
});

test("one choice takes another's place, several stop at their limit, and what must be chosen stays chosen", () => {
  assert.deepEqual(cart.toggle(chosen("size.big"), size, "small"), chosen("size.small"));
  assert.deepEqual(cart.toggle(chosen("size.big"), size, "big"), chosen("size.big"));
  const two = cart.toggle(cart.toggle(chosen("size.big"), extra, "egg"), extra, "nut");
  assert.deepEqual(two, chosen("size.big", "extra.egg", "extra.nut"));
  assert.deepEqual(cart.toggle(two, extra, "herb"), two, "no third of two");
  assert.deepEqual(cart.toggle(two, extra, "egg"), chosen("size.big", "extra.nut"));
});

test("the price of one is that of the dish with what was chosen", () => {
  const one = dish("a", { options: [size, extra] });
  assert.equal(cart.unitPrice(one, chosen("size.small")), 10000);
  assert.equal(cart.unitPrice(one, chosen("size.big", "extra.egg", "extra.herb")), 21500);
});

test("the same dish with the same options is one line, with other options another", () => {
  const one = dish("a", { options: [size, extra] });
  let lines = cart.put([], one, chosen("size.big"), 1);
  lines = cart.put(lines, one, chosen("size.big"), 2);
  lines = cart.put(lines, one, chosen("size.small"), 1);
  assert.deepEqual(lines.map((line) => [line.quantity, line.price_minor]), [[3, 19000], [1, 10000]]);
  assert.equal(cart.sumOf(lines), 67000);
  assert.equal(cart.countOf(lines, "a"), 4);
  const joined = cart.change(lines, lines[1].key, one, chosen("size.big"), 1);
  assert.deepEqual(joined.map((line) => line.quantity), [4], "a line that becomes the same joins");
  assert.deepEqual(cart.takeOne(lines, "a").map((line) => line.quantity), [3], "the last line first");
});

test("no line grows past the most of one dish or below nothing", () => {
  const one = dish("a");
  const lines = cart.put([], one, [], 99);
  assert.equal(lines[0].quantity, cart.MOST_OF_ONE_DISH);
  assert.equal(cart.put(lines, one, [], 5)[0].quantity, cart.MOST_OF_ONE_DISH);
  assert.deepEqual(cart.setQuantity(lines, lines[0].key, -3), []);
});

test("a new menu reprices the cart and says what can't be had any more, once", () => {
  const before = menu(dish("a", { options: [size] }), dish("b"), dish("c"));
  let lines = cart.put([], before.dishes[0], chosen("size.big"), 1);
  lines = cart.put(lines, before.dishes[1], [], 2);
  const after = menu(dish("a", { options: [{ ...size, choices: [choice("small"), choice("big", 9000, { available: false })] }] }), dish("b", { price_minor: 12000 }), dish("c"));
  const news = cart.applyMenu(lines, before, after);
  assert.equal(news.repriced, true);
  assert.deepEqual(news.lost, [{ dish_id: "a", fault: "option_gone" }]);
  assert.deepEqual([news.cart[1].price_minor, news.cart[1].was_minor], [12000, 10000]);
  assert.deepEqual(cart.applyMenu(news.cart, after, after), { cart: news.cart, repriced: false, lost: [] });
  assert.equal(cart.seen(news.cart)[1].was_minor, undefined);
  assert.deepEqual(cart.applyMenu(lines, before, menu()).lost.map((one) => one.fault), ["unknown_dish", "unknown_dish"]);
  assert.equal(cart.faultOf(lines[1], dish("b", { available: false })), "sold_out");
});

test("what to avoid is found in the dish and in what was chosen", () => {
  const one = dish("a", { allergens: ["milk"], options: [extra] });
  assert.deepEqual(allergens.allergensOf(menu(one, dish("b", { allergens: ["egg", "fish"] }))), ["milk", "egg", "nuts", "fish"]);
  assert.deepEqual(allergens.contains(one, chosen("extra.egg")), ["milk", "egg"]);
  assert.deepEqual(allergens.conflicts(one, new Set(["egg"])), []);
  assert.deepEqual(allergens.conflicts(one, new Set(["egg", "milk"]), chosen("extra.egg")), ["milk", "egg"]);
  assert.deepEqual(allergens.conflicts(one, new Set()), []);
  const cream = { id: "cream", name: text("cream"), min: 1, max: 1, choices: [choice("with", 0, { standard: true }), choice("none", 0, { without_allergens: ["milk"] })] };
  const two = dish("a", { allergens: ["milk"], options: [cream] });
  assert.deepEqual(allergens.conflicts(two, new Set(["milk"])), ["milk"]);
  assert.deepEqual(allergens.fittingOptions(two, new Set(["milk"])), chosen("cream.none"));
  assert.deepEqual(allergens.contains(two, chosen("cream.none")), []);
  assert.deepEqual(allergens.fittingOptions(two, new Set(["nuts"])), chosen("cream.with"), "nothing is changed without need");
});

test("the steps follow one another as the store shows them, and back never asks the suggestion again", () => {
  const all = { services: ["here", "to_go"], receipts: ["paper", "sms"], suggestion: true, steps: { service: true, suggestion: true, contact: true, loyalty: false, receipt: true } };
  const walk = (ways) => {
    const path = ["attract"];
    while (path.at(-1) !== "tender") path.push(flow.after(path.at(-1), ways));
    return path.join(" ");
  };
  assert.equal(walk(all), "attract service menu suggest cart contact receipt tender");
  assert.equal(walk({ ...all, services: ["here"], suggestion: false, receipts: ["paper"] }), "attract menu cart contact tender");
  assert.equal(walk({ ...all, steps: { service: false, suggestion: false, contact: false, loyalty: false, receipt: false } }), "attract menu cart tender");
  assert.equal(walk({ ...all, steps: { ...all.steps, contact: false, loyalty: true } }), "attract service menu suggest cart loyalty receipt tender");
  assert.equal(flow.before("cart", all), "menu");
  assert.equal(flow.before("tender", all), "receipt");
  assert.equal(flow.before("tender", { ...all, receipts: ["paper"] }), "contact");
});

test("the screen's keyboard types, erases, and chooses one domain", () => {
  assert.equal(keyboard.typed("ab", "c"), "abc");
  assert.equal(keyboard.typed("ab", null), "a");
  assert.equal(keyboard.typed("ab@x.ru", "@mail.ru"), "ab@mail.ru");
  assert.equal(keyboard.groupedDigits("9161234567", [3, 3, 2, 2]), "916 123 45 67");
  for (const good of ["a@b.ru", "olga.k-1@mail.example.uz"]) assert.ok(keyboard.looksLikeEmail(good), good);
  for (const bad of ["", "a", "a@b", "a@b.", "a@@b.ru", "a b@c.ru"]) assert.ok(!keyboard.looksLikeEmail(bad), bad);
});

test("what is typed faster than by hand and ends with Enter is a card; what a hand types is not", () => {
  const { heard } = scanner;
  const type = (keys, gap) => {
    let burst = { text: "", at: 0 };
    let card = null;
    keys.forEach((key, i) => {
      const next = heard(burst, key, 1000 + i * gap);
      burst = next.burst;
      card = next.card ?? card;
    });
    return card;
  };
  assert.equal(type([..."2000000000015", "Enter"], 8), "2000000000015");
  assert.equal(type(["Shift", "A", "b", ..."-1234", "Enter"], 8), "Ab-1234");
  assert.equal(type([..."2000000000015", "Enter"], 120), null, "by hand");
  assert.equal(type([..."12345", "Enter"], 8), null, "too short");
  assert.equal(type([..."9161234567", "Tab", "Enter"], 8), null, "on to the next control");
});
