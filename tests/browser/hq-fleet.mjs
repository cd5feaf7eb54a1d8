// A made-up fleet as headquarters would answer it: for the tests that need more stores than a demo has.
const cities = [["Москва", 55.75, 37.62], ["Санкт-Петербург", 59.94, 30.31], ["Казань", 55.79, 49.12], ["Екатеринбург", 56.84, 60.6], ["Новосибирск", 55.03, 82.92], ["Ташкент", 41.31, 69.28], ["Самарканд", 39.65, 66.96], ["Бухара", 39.77, 64.42], ["Сочи", 43.6, 39.73], ["Краснодар", 45.04, 38.98], ["Нижний Новгород", 56.33, 44.0], ["Уфа", 54.74, 55.97]];
const streets = ["Ленина", "Мира", "Садовая", "Невский", "Навои", "Тверская", "Баумана", "Амира Темура", "Лесная", "Гагарина"];
const order = ["offline", "blocked", "alert", "lagging", "paused", "barred", "warning", "new", "ok", "closed"];

/** The same numbers each time. */
function dice(seed) {
  let x = seed;
  return () => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return x / 2 ** 32;
  };
}

export function makeFleet(count, at = Date.now()) {
  const next = dice(7);
  const cards = Array.from({ length: count }, (_, n) => {
    const [city, lat, lon] = cities[Math.floor(next() ** 1.6 * cities.length)];
    const luck = next();
    const condition = luck < 0.004 ? "offline" : luck < 0.007 ? "blocked" : luck < 0.015 ? "alert" : luck < 0.022 ? "lagging" : luck < 0.03 ? "paused" : luck < 0.06 ? "warning" : luck < 0.063 ? "new" : luck < 0.85 ? "ok" : "closed";
    const silent = condition === "offline" ? 60_000 + next() * 4e7 : next() * 14_000;
    const uz = lon > 60 && lat < 45;
    const gaps = condition === "offline" ? Math.floor(silent / 900_000) : 0;
    const strip = Array.from({ length: 96 }, (_, q) => (condition === "new" ? "-" : q >= 96 - gaps ? "-" : q < 30 && condition !== "ok" && next() < 0.3 ? "-" : next() < 0.012 ? "g" : condition === "lagging" && q > 88 ? "l" : "o")).join("");
    const sold = condition === "new" ? 0 : Math.floor(next() * 240);
    return {
      store_id: `S${String(n + 1).padStart(4, "0")}`,
      name: `${streets[Math.floor(next() * streets.length)]}, ${1 + Math.floor(next() * 120)}`,
      condition,
      stopped: condition === "blocked" ? ["robot", "printer", "fiscal_drive"][n % 3] : condition === "paused" ? "cleaning" : null,
      online: condition !== "offline" && condition !== "new",
      last_seen_at: condition === "new" ? null : Math.round(at - silent),
      heartbeat_ms: 15_000,
      open: condition !== "closed",
      until_at: at + 5 * 3_600_000,
      backlog: condition === "lagging" ? 40 + Math.floor(next() * 9000) : 0,
      oldest_age_ms: condition === "lagging" ? 45_000 + Math.floor(next() * 9e5) : null,
      shift: { state: condition === "closed" || condition === "new" ? "closed" : "open", number: condition === "new" ? null : 100 + (n % 300) },
      till: { shift_opened_at: at - 6 * 3_600_000, drive: condition === "new" ? "" : `9999${String(n).padStart(12, "0")}`, drive_until: at + (20 + (n % 400)) * 86_400_000, drive_warns: n % 97 === 0, ofd_unsent: n % 61 === 0 ? 1 + (n % 7) : 0, ofd_since: n % 61 === 0 ? at - 7_200_000 : null },
      devices: condition === "new" ? {} : { printer: "up", robot: condition === "blocked" && n % 3 === 0 ? "down" : "up" },
      shortages: n % 11 === 0 ? [{ ru: "Сметана", en: "Sour cream", uz: "Smetana" }] : [],
      short: n % 11 === 0 ? 1 + (n % 3) : 0,
      day: new Date(at).toISOString().slice(0, 10),
      currency: uz ? "UZS" : "RUB",
      sales_today_minor: sold * (uz ? 6_400_000 : 62_500),
      orders_today: sold,
      alerts: condition === "alert" ? 2 : condition === "warning" ? 1 : 0,
      errors: condition === "alert" ? 1 : 0,
      worst: condition === "alert" ? "The receipt printer is away" : condition === "warning" ? "The robot's bins differ from the book" : null,
      version: n % 40 === 0 ? "0.9.4" : "1.0.2",
      events: 100_000 + n,
      refused: null,
      place: { latitude: Math.round((lat + (next() - 0.5) * 0.3) * 1e6), longitude: Math.round((lon + (next() - 0.5) * 0.5) * 1e6), city },
      strip,
    };
  });
  return cards.sort((a, b) => order.indexOf(a.condition) - order.indexOf(b.condition) || a.store_id.localeCompare(b.store_id));
}

/** What `GET /api/v1/fleet` answers. */
export function fleetPage(cards, search, at = Date.now()) {
  const q = (search.get("q") ?? "").toLowerCase();
  const state = search.get("state") ?? "";
  const city = search.get("city") ?? "";
  const named = cards.filter((c) => (!q || `${c.name} ${c.store_id} ${c.place.city}`.toLowerCase().includes(q)) && (!city || c.place.city === city) && (!search.get("version") || c.version === search.get("version")));
  const fine = named.filter((c) => !state || state.split(",").some((one) => one === c.condition || (one === "needy" && order.indexOf(c.condition) < 4)));
  const count = (list, key) => list.reduce((sum, one) => ({ ...sum, [key(one)]: (sum[key(one)] ?? 0) + 1 }), {});
  const offset = Number(search.get("offset") ?? 0);
  const sales = {};
  for (const c of fine) sales[c.currency] = (sales[c.currency] ?? 0) + c.sales_today_minor;
  return {
    at, total: cards.length, matching: fine.length, needy: fine.filter((c) => order.indexOf(c.condition) < 4).length, online: fine.filter((c) => c.online).length,
    conditions: { ...Object.fromEntries(order.map((one) => [one, 0])), ...count(named, (c) => c.condition) }, versions: count(cards, (c) => c.version), sales,
    orders: fine.reduce((sum, c) => sum + c.orders_today, 0), backlog: fine.reduce((sum, c) => sum + c.backlog, 0),
    stores: fine.slice(offset, offset + Number(search.get("limit") ?? 100)),
  };
}
