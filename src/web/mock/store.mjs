// An in-memory store that keeps the API contract well enough to develop and try the pages. It is never shipped.
import { randomUUID } from "node:crypto";
import { categories, dishes, promotions } from "./menu.mjs";

const T = (ru, uz, en) => ({ ru, uz, en });
const SPEED = 60;

export const switches = { internet: true, bank: true, printer_cable: true, paper: true, robot_link: true, robot_jam: false };
export const orders = new Map();
export const events = [];
const listeners = new Set();
const answers = new Map();
let number = 16;
let document = 118;
let accounted = 0;
export const paper = ["      GALLEY", "  ООО «Ромашка»", "СМЕНА ОТКРЫТА № 7", "22.11.2026 09:00"];
export const bank = [];
export const sms = [];
export const hq = { events: 0 };

export function publish(kind, extra = {}) {
  const event = { seq: events.length + 1, kind, at: Date.now(), ...extra };
  events.push(event);
  for (const listener of listeners) listener(event);
}
export const listen = (listener) => (listeners.add(listener), () => listeners.delete(listener));

export class Refused extends Error {
  constructor(status, slug, message) {
    super(slug);
    this.status = status;
    this.slug = slug;
    this.guest = message;
  }
}

const noNet = T("Нет интернета: оплата по QR не пройдёт. Приложите карту к терминалу или заплатите на кассе.", "Internet yoʻq: QR orqali toʻlab boʻlmaydi. Kartani terminalga tuting yoki kassada toʻlang.", "No internet: QR payment will not work. Use the card terminal or pay at the counter.");
const bankDown = T("Банк не отвечает: оплата по QR сейчас не пройдёт.", "Bank javob bermayapti: QR orqali toʻlab boʻlmaydi.", "The bank does not answer: QR payment will not work right now.");
const noPaper = T("В принтере кончилась бумага, чек не напечатать. Мы уже меняем её.", "Printerda qogʻoz tugadi, chek chiqarib boʻlmaydi. Almashtiryapmiz.", "The receipt printer is out of paper. We are changing it.");

const qrReason = () => (!switches.internet ? noNet : !switches.bank ? bankDown : null);

/** What the developer bends: parts of the answers of `/store`, and dishes by id. */
export const bent = { store: {}, dishes: {} };

export function store() {
  return { ...plainStore(), ...bent.store };
}

function plainStore() {
  const reason = qrReason();
  const closed = !switches.paper || !switches.printer_cable;
  return {
    store_id: "demo", name: T("Кухня на Покровке", "Pokrovkadagi oshxona", "Pokrovka kitchen"), currency: "RUB", languages: ["ru", "uz", "en"],
    accepting: closed ? { ok: false, reason: noPaper, slug: "printer" } : { ok: true },
    uplink: switches.internet ? "online" : "offline",
    tenders: [
      { tender: "sbp_qr", name: T("QR-код СБП", "SBP QR-kodi", "SBP QR code"), available: !reason, ...(reason ? { reason } : {}) },
      { tender: "card_terminal", name: T("Банковская карта", "Bank kartasi", "Bank card"), available: true },
      { tender: "cash", name: T("Наличные на кассе", "Kassada naqd", "Cash at the counter"), available: true },
    ],
    speed: SPEED,
    services: ["here", "to_go"], steps: { service: true, suggestion: true, contact: true, loyalty: false, receipt: true },
    idle: { reset_s: 60, ask_s: 15, calm_factor: 2 }, build: "mock", now_at: Date.now(), zone: "Europe/Moscow", promises_min: 8, receipt_to: ["paper", "sms", "email"],
  };
}

export const menu = () => ({ version: "m1", categories, dishes: dishes.map(bentDish), promotions });

const bentDish = (dish) => ({ ...dish, ...bent.dishes[dish.id] });
const findDish = (id) => { const dish = dishes.find((one) => one.id === id); return dish && bentDish(dish); };

function priceOf(dish, options = []) {
  let sum = dish.price_minor;
  for (const { option, choice } of options) {
    const found = dish.options?.find((one) => one.id === option)?.choices.find((one) => one.id === choice);
    if (!found?.available) return null;
    sum += found.price_minor;
  }
  return sum;
}

const soups = ["borscht", "shurpa", "mushroom-cream-soup"];

export function quote({ lines, promo_code }) {
  const out = lines.map((line) => {
    const dish = findDish(line.dish_id);
    const one = dish ? priceOf(dish, line.options) : null;
    const slug = !dish ? "unknown_dish" : !dish.available ? "sold_out" : one === null ? "option_gone" : line.price_minor !== undefined && line.price_minor !== one ? "price_changed" : null;
    return { dish_id: line.dish_id, quantity: line.quantity, price_minor: one ?? 0, sum_minor: (one ?? 0) * line.quantity, discount_minor: 0, promotions: [], available: Boolean(dish?.available), ...(slug ? { problem: { slug, message: dish?.reason ?? T("Недоступно", "Mavjud emas", "Not available") } } : {}) };
  });
  const found = new Map();
  const off = (line, id, minor) => { line.discount_minor += minor; line.promotions.push(id); found.set(id, (found.get(id) ?? 0) + minor); };
  const tea = out.find((line) => line.dish_id === "green-tea");
  if (tea && out.some((line) => soups.includes(line.dish_id))) off(tea, "lunch", 6000);
  const good = promo_code === "BORSCH10";
  if (good) for (const line of out) off(line, "code", Math.floor((line.sum_minor - line.discount_minor) / 10));
  const discount = out.reduce((sum, line) => sum + line.discount_minor, 0);
  return {
    lines: out, discount_minor: discount, total_minor: out.reduce((sum, line) => sum + line.sum_minor, 0) - discount,
    promotions: [...found].map(([id, discount_minor]) => ({ id, name: promotions.find((one) => one.id === id).name, discount_minor })),
    ...(promo_code ? { code: good ? { ok: true } : { ok: false, message: T("Такого промокода нет", "Bunday promokod yoʻq", "There is no such code") } } : {}),
    ready_at: Date.now() + 8 * 60_000,
  };
}

export const calls = [];
export function callStaff({ why }) {
  const call = { id: randomUUID(), why, at: Date.now() };
  calls.push(call);
  publish("alert.raised");
  return call;
}

export function session({ pin }) {
  if (pin !== "1234") throw new Refused(403, "forbidden", T("Неверный PIN", "PIN-kod notoʻgʻri", "Wrong PIN"));
  return { token: "mock-staff", name: "Aziza", role: "cashier", expires_at: Date.now() + 8 * 3_600_000 };
}

const pairings = new Map();
export function pair() {
  const one = { code: "482913", poll_token: randomUUID(), expires_at: Date.now() + 300_000 };
  pairings.set(one.poll_token, { ...one, approved: false });
  return one;
}
export function pairing(authorization) {
  const one = pairings.get(String(authorization).replace("Bearer ", ""));
  if (!one) throw new Refused(401, "unauthorised");
  return { state: one.approved ? "paired" : "waiting", code: one.code, expires_at: one.expires_at, role: "kiosk", ...(one.approved ? { token: "mock-kiosk" } : {}) };
}
export const approvePairings = () => { for (const one of pairings.values()) one.approved = true; return {}; };

export function once(key, act) {
  if (!key) throw new Refused(400, "idempotency_key_missing");
  if (!answers.has(key)) answers.set(key, act());
  return answers.get(key);
}

export function place({ language, service, lines, promo_code, total_minor }) {
  if (!store().accepting.ok) throw new Refused(409, "not_accepting", store().accepting.reason);
  if (!lines?.length) throw new Refused(422, "empty_order");
  const made = lines.map((line) => {
    const dish = findDish(line.dish_id);
    if (!dish) throw new Refused(422, "unknown_dish");
    const one = priceOf(dish, line.options);
    if (!dish.available || one === null) throw new Refused(409, "out_of_stock", dish.reason);
    if (line.price_minor !== undefined && line.price_minor !== one) throw new Refused(409, "price_changed");
    return { line_id: randomUUID(), dish_id: dish.id, name: dish.name, quantity: line.quantity, price_minor: one, sum_minor: one * line.quantity, cook_s: dish.cook_s };
  });
  const total = quote({ lines, promo_code }).total_minor;
  if (total_minor !== undefined && total_minor !== total) throw new Refused(409, "price_changed");
  const order = {
    id: randomUUID(), number: `A${(number += 1)}`, state: "placed", language, service, total_minor: total, due_minor: total, currency: "RUB",
    placed_at: Date.now(), promised_at: Date.now() + 6 * 60_000, lines: made, payments: [], receipts: [], dishes: [], refunds: [],
  };
  order.follow = { url: `http://127.0.0.1/f/${order.id}`, svg_path: `/api/v1/orders/${order.id}/follow.svg` };
  orders.set(order.id, order);
  publish("order.placed", { order_id: order.id, number: order.number });
  return order;
}

export const find = (id) => orders.get(id) ?? (() => { throw new Refused(404, "unknown_order"); })();

export function startPayment(id, { tender }) {
  const order = find(id);
  if (order.due_minor === 0) throw new Refused(409, "already_paid");
  if (tender === "sbp_qr" && qrReason()) throw new Refused(409, "tender_unavailable", qrReason());
  const payment = { id: randomUUID(), tender, state: tender === "sbp_qr" ? "registering" : "waiting", amount_minor: order.due_minor, refunded_minor: 0 };
  order.payments.push(payment);
  publish("payment.started", { order_id: order.id, payment_id: payment.id });
  if (tender === "sbp_qr") {
    setTimeout(() => {
      Object.assign(payment, { state: "waiting", qr: { payload: "https://qr.nspk.ru/demo", svg_path: `/api/v1/payments/${payment.id}/qr.svg` }, expires_at: Date.now() + 300_000 });
      bank.push({ order_number: order.number, amount_minor: payment.amount_minor, state: "registered", payment, order });
      publish("payment.shown", { order_id: order.id, payment_id: payment.id });
    }, 400);
  }
  if (tender === "card_terminal") setTimeout(() => payment.state === "waiting" && capture(order, payment), 2000);
  return { ...payment };
}

export function payAtBank() {
  const bill = bank.findLast((one) => one.state === "registered");
  if (!bill || !switches.internet || !switches.bank) throw new Refused(409, "conflict");
  bill.state = "paid";
  setTimeout(() => capture(bill.order, bill.payment), 300);
  return {};
}

function capture(order, payment) {
  payment.state = "captured";
  Object.assign(order, { state: "paid", due_minor: 0 });
  order.dishes = order.lines.flatMap((line) => Array.from({ length: line.quantity }, () => ({ job_id: randomUUID(), line_id: line.line_id, dish_id: line.dish_id, name: line.name, state: "queued", progress_pm: 0, cook_ms: (line.cook_s * 1000) / SPEED })));
  order.receipts.push({ kind: "sale", state: "pending", total_minor: order.total_minor });
  publish("payment.captured", { order_id: order.id, payment_id: payment.id, number: order.number });
}

export function cancel(id) {
  const order = find(id);
  if (order.state !== "placed") throw new Refused(409, "conflict");
  order.state = "cancelled";
  for (const payment of order.payments) if (payment.state === "waiting") payment.state = "closed";
  for (const bill of bank) if (bill.order === order && bill.state === "registered") bill.state = "closed";
  publish("order.cancelled", { order_id: order.id, number: order.number });
  return order;
}

export function cancelPayment(id) {
  for (const order of orders.values()) {
    const payment = order.payments.find((one) => one.id === id);
    if (!payment) continue;
    if (payment.state === "captured") throw new Refused(409, "already_paid");
    if (payment.state === "waiting" || payment.state === "registering") {
      Object.assign(payment, { state: "closed", withdrawn: "asked" });
      order.due_minor = order.total_minor;
    }
    for (const bill of bank) if (bill.payment === payment && bill.state === "registered") bill.state = "closed";
    publish("payment.withdrawn", { order_id: order.id, payment_id: id });
    return { ...payment };
  }
  throw new Refused(404, "unknown_payment");
}

const BEAT = 200;
setInterval(() => {
  for (const order of orders.values()) {
    const receipt = order.receipts[0];
    if (receipt?.state === "pending" && switches.printer_cable && switches.paper) {
      receipt.wait = (receipt.wait ?? 0) + BEAT;
      if (receipt.wait >= 800) {
        Object.assign(receipt, { state: "registered", document_number: (document += 1), fiscal_sign: "2873640112" });
        order.state = "receipted";
        paper.push("", `КАССОВЫЙ ЧЕК № ${document}`, "ПРИХОД", ...order.lines.map((line) => `${line.name.ru} × ${line.quantity} = ${line.sum_minor / 100}.00`), `ИТОГ     ${order.total_minor / 100}.00`, "ФН 9999078900001234", "ФП 2873640112", "----------------");
        accounted += 1;
        publish("receipt.registered", { order_id: order.id });
        publish("accounting.posted", { order_id: order.id });
      }
    }
    if ((order.state === "receipted" || order.state === "cooking") && switches.robot_link && !switches.robot_jam) {
      const job = order.dishes.find((one) => one.state !== "plated");
      if (!job) {
        Object.assign(order, { state: "ready" });
        publish("order.ready", { order_id: order.id, number: order.number });
        sms.push({ text: `Заказ ${order.number} готов` });
        setTimeout(() => { order.state = "closed"; publish("order.closed", { order_id: order.id }); }, 40_000);
        continue;
      }
      if (order.state !== "cooking") publish("cook.submitted", { order_id: order.id });
      order.state = "cooking";
      job.state = "cooking";
      job.progress_pm = Math.min(1000, job.progress_pm + (BEAT / job.cook_ms) * 1000);
      if (job.progress_pm >= 1000) {
        job.state = "plated";
        publish("cook.plated", { order_id: order.id });
      } else publish("cook.progressed", { order_id: order.id });
    }
  }
  if (switches.internet) hq.events = Math.min(events.length, hq.events + 7);
}, BEAT).unref();

export function board() {
  const all = [...orders.values()];
  const numbers = (...states) => all.filter((one) => states.includes(one.state)).map(({ number: n }) => ({ number: n }));
  return {
    at: Date.now(), preparing: numbers("paid", "receipted", "cooking"), ready: numbers("ready"),
    cooking: all.filter((one) => one.state === "cooking").flatMap((one) => one.dishes.filter((job) => job.state === "cooking").map((job) => ({ number: one.number, name: job.name, state: job.state, progress_pm: Math.floor(job.progress_pm) }))),
  };
}

export function demoState(links) {
  const all = [...orders.values()];
  const paid = all.filter((one) => one.payments.some((two) => two.state === "captured"));
  const label = { internet: "Internet", bank: "Bank", printer_cable: "Printer cable", paper: "Paper", robot_link: "Robot link", robot_jam: "Robot jam" };
  return {
    switches: [...Object.entries(switches).map(([id, on]) => ({ id, label: label[id], on, kind: "toggle" })), { id: "power", label: "Power", on: true, kind: "button" }],
    links, printer: { paper_tail: paper.slice(-40), documents: document, shift: 7 }, slips: { paper_tail: [] },
    robot: { state: switches.robot_jam ? "jammed" : switches.robot_link ? "idle" : "unreachable", jobs: all.flatMap((one) => one.dishes.map((job) => ({ job_id: job.job_id, name: job.name, state: job.state, progress_pm: Math.floor(job.progress_pm) }))).slice(-8) },
    bank: { orders: bank.map(({ order_number, amount_minor, state }) => ({ order_number, amount_minor, state })) },
    one_c: { documents: accounted }, sms: { sent: sms }, hq: { events: hq.events, backlog: events.length - hq.events },
    counts: { orders: paid.length, charges: paid.length, receipts: all.filter((one) => one.receipts[0]?.state === "registered").length, dishes: all.flatMap((one) => one.dishes).filter((job) => job.state === "plated").length, accounting: accounted, accounting_due: accounted },
  };
}

export function storeRows() {
  const shift = { state: "open", number: 7 };
  const row = (id, name, online, backlog, age, alerts, sales, n, seen) => ({ store_id: id, name, last_seen_at: Date.now() - seen, online, backlog, oldest_age_ms: age, shift, sales_today_minor: sales, orders_today: n, events: 9000, alerts, version: "0.1.0" });
  return [
    { ...row("demo", T("Кухня на Покровке", "Pokrovkadagi oshxona", "Pokrovka kitchen"), switches.internet, events.length - hq.events, 4000, 0, 128_000_00, orders.size + 310, 900), shift },
    row("msk-2", "Москва, Тверская 12", true, 0, null, 0, 412_340_00, 902, 1200),
    row("tas-1", "Toshkent, Amir Temur 4", true, 182, 95_000, 0, 98_120_50, 244, 2100),
    row("spb-1", "Санкт-Петербург, Невский 88", false, 1204, 3_900_000, 1, 44_010_00, 101, 3_900_000),
    row("kzn-1", "Казань, Баумана 20", true, 0, null, 2, 201_700_00, 488, 700),
    { ...row("nsk-1", "Новосибирск, Ленина 1", true, 0, null, 0, 0, 0, 3000), shift: { state: "closed", number: 41 } },
  ];
}
