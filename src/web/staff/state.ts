// What the staff's screen knows, and the acts of the people at it. Screens read the signals; only acts write them.
import { batch, computed, signal } from "@preact/signals";
import { boxNow, Client, Refusal, Unreachable } from "../shared/client";
import { openLive, type Live } from "../shared/live";
import { keepFresh, type Refresher } from "../shared/poll";
import { recall, recallFromSession, rememberForSession, takeToken } from "../shared/token";
import { lang, say, setLang, t } from "./say";
import type { Alert, Call, Menu, Person, Shift, StaffOrder, Stop, Store } from "./types";

export type Tab = "orders" | "new" | "attention" | "stops" | "shift" | "screens" | "people";

const SESSION = "galley.staff.session";

/** The screen's own token; people come in with it and their PIN. */
export const device = new Client("/api/v1", takeToken("staff"), "staff-device");
/** Carries the token of whoever is in. */
export let client = device;

export const person = signal<Person | null>(null);
/** Nothing is known yet: a token may be that of a person already. */
export const waking = signal(true);
export const tab = signal<Tab>("orders");
export const store = signal<Store | null>(null);
export const menu = signal<Menu | null>(null);
export const orders = signal<StaffOrder[]>([]);
export const calls = signal<Call[]>([]);
export const alerts = signal<Alert[]>([]);
export const stops = signal<Stop[]>([]);
export const shift = signal<Shift | null>(null);
export const online = signal(true);
/** Of the box's clock. */
export const now = signal(boxNow());
/** The order whose sheet is open. */
export const opened = signal<string | null>(null);
/** A sentence for the person, and how to take the act back while it can be. */
export const notice = signal<{ text: string; tone: "calm" | "alert"; undo?: () => void; until?: number } | null>(null);
/** The order that is being handed over, while that can still be taken back. */
export const going = signal<string | null>(null);
/** Read out by screen readers. */
export const spoken = signal("");

export const currency = computed(() => store.value?.currency ?? "RUB");
export const isManager = computed(() => person.value?.role === "manager");
export const isTechnician = computed(() => person.value?.role === "manager" || person.value?.role === "technician");
/** Calls are alerts too; they are shown once. */
export const troubles = computed(() => alerts.value.filter((one) => !one.id.startsWith("call:")));
export const attention = computed(() => calls.value.length + troubles.value.length);

let live: Live | null = null;
let beats: Refresher[] = [];
let refresh: Record<"orders" | "shop" | "attention" | "shift", () => void> = { orders: none, shop: none, attention: none, shift: none };

function none(): void {
  return;
}

export const again = {
  orders: () => refresh.orders(),
  shop: () => refresh.shop(),
  attention: () => refresh.attention(),
  shift: () => refresh.shift(),
};

/** Takes up where the page was left: a person who is still in, a token of a person, or the PIN pad. */
export async function wake(): Promise<void> {
  const kept = recallFromSession(SESSION);
  if (kept && (await comeBack(kept))) {
    // Still in.
  } else if (device.token && (await comeBack(device.token))) {
    // The kiosk's corner has sent a person over; the token must not outlive the page.
    try {
      localStorage.removeItem("galley.staff.token");
    } catch {
      // A shell without storage keeps nothing anyway.
    }
  }
  waking.value = false;
}

async function comeBack(token: string): Promise<boolean> {
  const tried = new Client("/api/v1", token, "staff");
  for (let go = 0; go < 40; go += 1) {
    try {
      enter(tried, await tried.get<Person>("/sessions/current"), token);
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      await new Promise((next) => setTimeout(next, 1500));
    }
  }
  return false;
}

export async function comeIn(pin: string): Promise<void> {
  const answer = await device.post<Person & { token: string }>("come in", "/sessions", { pin, device: "staff" });
  enter(new Client("/api/v1", answer.token, "staff"), answer, answer.token);
}

function enter(as: Client, who: Person, token: string): void {
  client = as;
  rememberForSession(SESSION, token);
  setLang(who.language);
  batch(() => {
    person.value = who;
    tab.value = "orders";
    opened.value = null;
    notice.value = null;
  });
  start();
}

/** Goes out; the next person needs a PIN. */
export function leave(): void {
  if (!person.peek()) return;
  flush();
  const leaving = client;
  stop();
  rememberForSession(SESSION, null);
  batch(() => {
    person.value = null;
    opened.value = null;
    orders.value = [];
    alerts.value = [];
    calls.value = [];
    notice.value = null;
  });
  client = device;
  // What this person still had done must come before the end of the session, or the box refuses it.
  void leaving.idle().then(() => {
    void fetch(`${leaving.base}/sessions/current`, { method: "DELETE", headers: leaving.headers(), keepalive: true }).catch(() => undefined);
    // Opened from a kiosk's corner: the kiosk goes back to its guests.
    if (!person.peek() && !recall("galley.staff.token") && recall("galley.kiosk.token")) location.assign("/kiosk/");
  });
}

function stop(): void {
  live?.stop();
  live = null;
  for (const beat of beats) beat.stop();
  beats = [];
  refresh = { orders: none, shop: none, attention: none, shift: none };
}

/** Reads through `read`; a person who is out by now sees the PIN pad. */
function beat(read: () => Promise<void>, everyMs: () => number): Refresher {
  const one = keepFresh(async () => {
    try {
      await read();
      online.value = true;
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return leave();
      if (error instanceof Unreachable) online.value = false;
      throw error;
    }
  }, everyMs);
  beats.push(one);
  return one;
}

function start(): void {
  stop();
  const mine = client;
  const slow = () => (live?.connected.peek() ? 15_000 : 3000);
  const freshOrders = beat(async () => void (orders.value = (await mine.get<{ orders: StaffOrder[] }>("/orders?active=true&limit=200")).orders), () => (live?.connected.peek() ? 10_000 : 2000));
  const shop = beat(async () => {
    store.value = await mine.get<Store>("/store");
    menu.value = await mine.get<Menu>("/menu");
    stops.value = (await mine.get<{ stops: Stop[] }>("/menu/stops")).stops;
  }, slow);
  const watch = beat(async () => {
    calls.value = (await mine.get<{ calls: Call[] }>("/calls")).calls;
    alerts.value = (await mine.get<{ alerts: Alert[] }>("/alerts")).alerts;
  }, slow);
  const till = beat(async () => void (shift.value = await mine.get<Shift>("/shift")), slow);
  refresh = { orders: freshOrders.now, shop: shop.now, attention: watch.now, shift: till.now };
  live = openLive(`${mine.base}/live`, mine.headers(), ({ kind }) => {
    if (/^(order|payment|receipt|cook|refund|mark|hello)/.test(kind)) freshOrders.now();
    if (/^(menu|stock|sales|device|hello)/.test(kind)) shop.now();
    if (/^(call|alert|hello)/.test(kind)) watch.now();
    if (/^(shift|receipt|cash|drawer|hello)/.test(kind)) till.now();
    if (kind === "call.raised") spoken.value = t("call.new");
  });
}

/** Puts an order that an act has answered with into the list, before the next reading. */
export function takeOrder(next: StaffOrder): void {
  const known = orders.peek().some((one) => one.id === next.id);
  orders.value = known ? orders.peek().map((one) => (one.id === next.id ? next : one)) : [next, ...orders.peek()];
}

/** Does an act; says what went wrong in the person's language. */
export async function act<T>(intent: string, path: string, body: unknown): Promise<T | null> {
  try {
    const answer = await client.post<T>(intent, path, body);
    return answer;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) leave();
    else complain(error);
    return null;
  }
}

export function complain(error: unknown): void {
  const text = error instanceof Refusal
    ? say(error.guestMessage) || error.problem.detail || error.problem.title
    : t("failed.unreachable");
  notice.value = { text, tone: "alert" };
  spoken.value = text;
}

export function tell(text: string): void {
  notice.value = { text, tone: "calm", until: Date.now() + 5000 };
  spoken.value = text;
}

const UNDO_MS = 5000;
let pending: { timer: ReturnType<typeof setTimeout>; run: () => void } | null = null;

/** Does an act after a few seconds in which it can be taken back: a wet thumb slips. A second one does the first at once. */
export function soon(text: string, run: () => void, taken: () => void = none): void {
  flush();
  const timer = setTimeout(flush, UNDO_MS);
  pending = { timer, run };
  notice.value = {
    text,
    tone: "calm",
    until: Date.now() + UNDO_MS,
    undo: () => {
      if (pending) clearTimeout(pending.timer);
      pending = null;
      taken();
      notice.value = { text: t("undone"), tone: "calm", until: Date.now() + 2500 };
    },
  };
  spoken.value = text;
}

function flush(): void {
  if (!pending) return;
  clearTimeout(pending.timer);
  const { run } = pending;
  pending = null;
  notice.value = null;
  run();
}

/** A page that is closed or locked has done what was to be done. */
addEventListener("pagehide", flush);

let lastTouch = Date.now();
let lastTold = Date.now();

/** People who went away are out after a while; a touch says that somebody is here. */
export function watchIdle(): void {
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (lastTouch = Date.now()), { passive: true });
  setInterval(() => {
    now.value = boxNow();
    if (notice.peek()?.until && (notice.peek()?.until ?? 0) < Date.now() && !pending) notice.value = null;
    const who = person.peek();
    if (!who) return;
    if (Date.now() - lastTouch > who.idle_s * 1000) leave();
    else if (lastTouch > lastTold && Date.now() - lastTold > 60_000) {
      lastTold = Date.now();
      void client.get<Person>("/sessions/current").catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 401) leave();
      });
    }
  }, 1000);
}

export function chooseLanguage(next: typeof lang.value): void {
  setLang(next);
}
