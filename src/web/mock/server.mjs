// Serves the built pages with an in-memory store behind them: `node build.mjs && npm run dev`. Development only.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as shop from "./store.mjs";

const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8" };
const policy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'";
let asleep = 0;

function json(res, status, body, type = "application/json") {
  res.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
  res.end(JSON.stringify(body));
}

function refuse(res, error) {
  const status = error.status ?? 500;
  const slug = error.slug ?? "internal";
  json(res, status, { type: `https://galley.invalid/problems/${slug}`, slug, title: slug, status, detail: String(error.message), ...(error.guest ? { message: error.guest } : {}) }, "application/problem+json");
}

async function page(res, folder, path) {
  const file = normalize(join(dist, folder, path === "" ? "index.html" : path));
  if (!file.startsWith(dist)) return res.writeHead(404).end();
  try {
    const bytes = await readFile(file);
    res.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": policy, "Cache-Control": "no-cache" });
    res.end(bytes);
  } catch {
    res.writeHead(404).end();
  }
}

const body = (req) => new Promise((done) => {
  let text = "";
  req.on("data", (chunk) => (text += chunk));
  req.on("end", () => done(text ? JSON.parse(text) : {}));
});

function qr() {
  let cells = "";
  let seed = 7;
  for (let y = 0; y < 29; y += 1) for (let x = 0; x < 29; x += 1) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    const corner = (x < 8 && y < 8) || (x > 20 && y < 8) || (x < 8 && y > 20);
    if (!corner && (seed >> 16) % 2) cells += `M${x + 2} ${y + 2}h1v1h-1z`;
  }
  const eye = (x, y) => `<path d="M${x} ${y}h7v7h-7z"/><path fill="#fff" d="M${x + 1} ${y + 1}h5v5h-5z"/><path d="M${x + 2} ${y + 2}h3v3h-3z"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 33 33" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h33v33H0z"/><path d="${cells}"/>${eye(2, 2)}${eye(24, 2)}${eye(2, 24)}</svg>`;
}

// Stands for a photograph.
const photo = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 480"><defs><radialGradient id="g"><stop offset="0" stop-color="#f6d99a"/><stop offset="1" stop-color="#5a2c14"/></radialGradient></defs><rect width="640" height="480" fill="url(#g)"/></svg>';

function live(req, res, rows) {
  res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  if (rows) {
    const beat = setInterval(() => { for (const row of shop.storeRows()) res.write(`event: store\ndata: ${JSON.stringify(row)}\n\n`); }, 1000);
    req.on("close", () => clearInterval(beat));
    return;
  }
  const send = (event) => res.write(`id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
  res.write(`event: hello\ndata: ${JSON.stringify({ kind: "hello", seq: shop.events.length })}\n\n`);
  const last = Number(req.headers["last-event-id"]);
  if (last) shop.events.slice(last).forEach(send);
  const stop = shop.listen(send);
  req.on("close", stop);
}

const links = (port) => ({ kiosk: `http://127.0.0.1:${port}/kiosk/#token=mock-kiosk`, board: `http://127.0.0.1:${port}/board/#token=mock-board`, demo: `http://127.0.0.1:${port}/demo/`, hq: `http://127.0.0.1:${port + 1}/`, store_api: `http://127.0.0.1:${port}/api/v1` });

async function demoApi(req, res, path, port) {
  if (path === "state") return json(res, 200, shop.demoState(links(port)));
  const input = await body(req);
  if (path === "pay") return json(res, 200, shop.payAtBank());
  if (path === "end-day") return json(res, 200, {});
  if (path === "switch" && input.id === "power") {
    asleep = Date.now() + 3000;
    for (const socket of sockets) socket.destroy();
    return;
  }
  if (path === "switch") {
    shop.switches[input.id] = input.on;
    shop.publish("device.changed");
    return json(res, 200, {});
  }
  return res.writeHead(404).end();
}

/** Bends what the store says: `{store?: {…}, dishes?: {id: {…}}}`; an empty body straightens it. */
async function bend(req, res) {
  const input = await body(req);
  shop.bent.store = input.store ?? {};
  shop.bent.dishes = input.dishes ?? {};
  shop.publish("menu.applied");
  return json(res, 200, {});
}

async function api(req, res, path) {
  if (Date.now() < asleep) return req.socket.destroy();
  const key = req.headers["idempotency-key"];
  const post = async (status, act) => {
    const input = await body(req);
    json(res, status, shop.once(key, () => act(input)));
  };
  let m;
  if (path === "store") return json(res, 200, shop.store());
  if (path === "menu") return json(res, 200, shop.menu());
  if (path === "quote") return json(res, 200, shop.quote(await body(req)));
  if (path === "calls" && req.method === "POST") return post(201, shop.callStaff);
  if (path === "sessions" && req.method === "POST") return post(201, shop.session);
  if (path === "pairing") return req.method === "POST" ? json(res, 201, shop.pair(await body(req))) : json(res, 200, shop.pairing(req.headers.authorization));
  if (path === "client-errors") { console.error("client error", await body(req)); return json(res, 202, {}); }
  if (/^pictures\//.test(path)) {
    res.writeHead(200, { "Content-Type": "image/svg+xml", "Cache-Control": "public, max-age=31536000, immutable" });
    return res.end(photo);
  }
  if (/^orders\/[^/]+\/follow\.svg$/.test(path)) {
    res.writeHead(200, { "Content-Type": "image/svg+xml" });
    return res.end(qr());
  }
  if (path === "board") return json(res, 200, shop.board());
  if (path === "live") return live(req, res, false);
  if (path === "orders" && req.method === "POST") return post(201, shop.place);
  if ((m = /^orders\/([^/]+)$/.exec(path))) return json(res, 200, shop.find(m[1]));
  if ((m = /^orders\/([^/]+)\/payments$/.exec(path))) return post(201, (input) => shop.startPayment(m[1], input));
  if ((m = /^orders\/([^/]+)\/cancel$/.exec(path))) return post(200, () => shop.cancel(m[1]));
  if ((m = /^payments\/([^/]+)\/cancel$/.exec(path))) return post(200, () => shop.cancelPayment(m[1]));
  if (/^payments\/[^/]+\/qr\.svg$/.test(path)) {
    res.writeHead(200, { "Content-Type": "image/svg+xml" });
    return res.end(qr());
  }
  throw new shop.Refused(404, "not_found");
}

const sockets = new Set();
const port = Number(process.env.PORT ?? 8180);
const server = createServer(async (req, res) => {
  const path = decodeURIComponent(new URL(req.url, "http://x").pathname);
  try {
    if (path.startsWith("/demo/api/")) return await demoApi(req, res, path.slice(10), port);
    if (path === "/mock/bend") return await bend(req, res);
    if (path === "/mock/pair") return json(res, 200, shop.approvePairings());
    if (path.startsWith("/api/v1/")) return await api(req, res, path.slice(8));
    const at = /^\/(kiosk|board|demo)\/(.*)$/.exec(path);
    if (at) return await page(res, at[1], at[2]);
    res.writeHead(path === "/" ? 302 : 404, { Location: "/kiosk/" }).end();
  } catch (error) {
    refuse(res, error);
  }
});
server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
server.listen(port, "127.0.0.1");
createServer(async (req, res) => {
  const path = new URL(req.url, "http://x").pathname;
  if (path === "/api/v1/stores") return json(res, 200, { stores: shop.storeRows() });
  if (path === "/api/v1/live") return live(req, res, true);
  return page(res, "dashboard", path.slice(1));
}).listen(port + 1, "127.0.0.1");
console.log(JSON.stringify(links(port), null, 2));
