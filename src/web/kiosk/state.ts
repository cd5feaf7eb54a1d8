// What the kiosk knows: the store, the menu, the guest's cart and the order being paid. Screens read the signals;
// the acts at the end are the only writers.
import { batch, computed, signal } from "@preact/signals";
import { Client, Refusal, Unreachable } from "../shared/client";
import { isLang, lang, setLang, t } from "../shared/i18n";
import { recallFromSession, rememberForSession, takeToken } from "../shared/token";
import type { Dish, Menu, Order, Payment, Service, StoreInfo, Text } from "../shared/types";

export type Screen = "attract" | "menu" | "cart" | "service" | "phone" | "tender" | "pay" | "ticket";

export interface CartLine {
  dish_id: string;
  quantity: number;
  /** The price the guest last saw. */
  price_minor: number;
  /** The price before it changed under the guest's eyes. */
  was_minor?: number;
}

export const client = new Client("/api/v1", takeToken("kiosk"), "kiosk");

export const store = signal<StoreInfo | null>(null);
export const menu = signal<Menu | null>(null);
export const screen = signal<Screen>("attract");
export const cart = signal<CartLine[]>([]);
export const service = signal<Service | null>(null);
export const phone = signal("");
export const order = signal<Order | null>(null);
export const opened = signal<string | null>(null);

/** A sentence for the guest on the present screen; `say` in the words of the box wins over our own. */
export const notice = signal<{ text: Text | string; tone: "calm" | "alert" } | null>(null);

/** What is being done for the guest right now, if it takes longer than a blink. */
export const busy = signal<"placing" | "paying" | "cancelling" | null>(null);

/** Read out by screen readers. */
export const spoken = signal("");

export const dishes = computed(() => new Map<string, Dish>((menu.value?.dishes ?? []).map((dish) => [dish.id, dish])));
export const total = computed(() => cart.value.reduce((sum, line) => sum + line.price_minor * line.quantity, 0));
export const count = computed(() => cart.value.reduce((sum, line) => sum + line.quantity, 0));
export const currency = computed(() => store.value?.currency ?? "RUB");

export const payment = computed<Payment | null>(() => {
  const all = order.value?.payments ?? [];
  return all.findLast((one) => one.state !== "closed" && one.state !== "declined" && !one.withdrawn) ?? all.at(-1) ?? null;
});

/** While money may be moving the screen belongs to this guest, however long it takes. Cash waits at the counter. */
export const paying = computed(() => {
  if (busy.value) return true;
  const now = payment.value;
  if (screen.value !== "pay" || !now) return false;
  return now.tender !== "cash" && (now.state === "registering" || now.state === "waiting" || now.state === "unclear");
});

const settled: readonly string[] = ["paid", "receipted", "cooking", "ready", "closed", "refunding", "refunded"];

export function go(next: Screen): void {
  batch(() => {
    screen.value = next;
    notice.value = null;
    opened.value = null;
  });
}

export function quantityOf(dishId: string): number {
  return cart.value.find((line) => line.dish_id === dishId)?.quantity ?? 0;
}

export const MOST_OF_ONE_DISH = 20;

export function setQuantity(dish: Dish, quantity: number): void {
  const wanted = Math.max(0, Math.min(MOST_OF_ONE_DISH, quantity));
  const rest = cart.value.filter((line) => line.dish_id !== dish.id || wanted > 0);
  const known = rest.some((line) => line.dish_id === dish.id);
  cart.value = known
    ? rest.map((line) => (line.dish_id === dish.id ? { ...line, quantity: wanted } : line))
    : wanted > 0 ? [...rest, { dish_id: dish.id, quantity: wanted, price_minor: dish.price_minor }] : rest;
}

/** Takes a new menu; prices of the cart follow it and the old ones are kept to be shown. */
export function applyMenu(next: Menu): boolean {
  let changed = false;
  batch(() => {
    menu.value = next;
    cart.value = cart.value.map((line) => {
      const dish = next.dishes.find((one) => one.id === line.dish_id);
      if (!dish || dish.price_minor === line.price_minor) return line;
      changed = true;
      return { ...line, price_minor: dish.price_minor, was_minor: line.was_minor ?? line.price_minor };
    });
  });
  return changed;
}

export async function refreshStore(): Promise<void> {
  store.value = await client.get<StoreInfo>("/store");
}

export async function refreshMenu(): Promise<void> {
  const next = await client.get<Menu>("/menu");
  if (JSON.stringify(next) === JSON.stringify(menu.peek())) return;
  // An order that is being paid has its prices already; until then the guest is told on the cart.
  const changed = applyMenu(next);
  if (changed && !order.peek() && (screen.peek() === "tender" || screen.peek() === "phone" || screen.peek() === "service")) {
    go("cart");
  }
  if (changed && screen.peek() === "cart") notice.value = { text: t("cart.price.changed"), tone: "alert" };
}

export async function refreshOrder(): Promise<void> {
  const id = order.peek()?.id;
  if (!id) return;
  try {
    takeOrder(await client.get<Order>(`/orders/${id}`));
  } catch (error) {
    if (error instanceof Refusal && (error.slug === "unknown_order" || error.slug === "not_found")) reset();
    else throw error;
  }
}

function takeOrder(next: Order): void {
  if (order.peek() && order.peek()?.id !== next.id) return;
  batch(() => {
    order.value = next;
    if (settled.includes(next.state) && screen.peek() !== "ticket") {
      go("ticket");
      spoken.value = t("ticket.thanks");
    }
    if ((next.state === "cancelled" || next.state === "expired") && screen.peek() === "pay") go("ticket");
  });
}

/** Places the order if it isn't placed yet, then asks to be paid with `tender`. */
export async function pay(tender: string): Promise<void> {
  if (busy.peek()) return;
  busy.value = "placing";
  notice.value = null;
  try {
    const kept = order.peek();
    const placed = kept?.state === "placed" ? kept : await place();
    busy.value = "paying";
    const started = await client.post<Payment>("pay", `/orders/${placed.id}/payments`, { tender });
    order.value = { ...placed, payments: [...placed.payments.filter((one) => one.id !== started.id), started] };
    go("pay");
    await refreshOrder().catch(() => undefined);
  } catch (error) {
    await explain(error);
  } finally {
    busy.value = null;
  }
}

async function place(): Promise<Order> {
  const body = {
    language: lang.value,
    service: service.value ?? "here",
    lines: cart.value.map(({ dish_id, quantity, price_minor }) => ({ dish_id, quantity, price_minor })),
    ...(phone.value ? { phone: phone.value } : {}),
  };
  const placed = await client.post<Order>("place", "/orders", body);
  order.value = placed;
  return placed;
}

async function explain(error: unknown): Promise<void> {
  if (!(error instanceof Refusal)) {
    notice.value = { text: error instanceof Unreachable ? t("failed.unreachable") : t("failed.other"), tone: "alert" };
    return;
  }
  const own = error.guestMessage;
  switch (error.slug) {
    case "price_changed": {
      await refreshMenu().catch(() => undefined);
      go("cart");
      notice.value = { text: t("cart.price.changed"), tone: "alert" };
      return;
    }
    case "out_of_stock":
    case "unknown_dish":
    case "bad_quantity":
    case "empty_order": {
      await refreshMenu().catch(() => undefined);
      go("cart");
      notice.value = { text: own ?? t("cart.soldout"), tone: "alert" };
      return;
    }
    case "already_paid":
      await refreshOrder().catch(() => undefined);
      return;
    default:
      await refreshStore().catch(() => undefined);
      notice.value = { text: own ?? t("failed.other"), tone: "alert" };
  }
}

/** Gives up the payment under way; the order stays, so that another tender can be chosen. */
export async function chooseAgain(): Promise<void> {
  const one = payment.peek();
  if (!one || busy.peek()) return;
  busy.value = "cancelling";
  try {
    await client.post<Payment>("cancel payment", `/payments/${one.id}/cancel`, {});
    await refreshOrder().catch(() => undefined);
    if (screen.peek() === "pay") go("tender");
  } catch (error) {
    await explainStay(error);
  } finally {
    busy.value = null;
  }
}

/** It may have been paid in this very moment; what the box says now is the truth. */
async function explainStay(error: unknown): Promise<void> {
  if (!(error instanceof Refusal)) {
    notice.value = { text: t("failed.unreachable"), tone: "alert" };
    return;
  }
  await refreshOrder().catch(() => undefined);
  if (order.peek() && screen.peek() === "pay") notice.value = { text: error.guestMessage ?? t("failed.other"), tone: "alert" };
}

/** Takes the unpaid order back; the cart stays, so that the guest can change it. */
export async function withdraw(then: "tender" | "menu"): Promise<void> {
  const id = order.peek()?.id;
  if (!id || busy.peek()) return;
  busy.value = "cancelling";
  try {
    const after = await client.post<Order>("cancel", `/orders/${id}/cancel`, {});
    if (settled.includes(after.state)) {
      takeOrder(after);
      return;
    }
    order.value = null;
    if (then === "menu") {
      reset();
      return;
    }
    go("tender");
  } catch (error) {
    await explainStay(error);
  } finally {
    busy.value = null;
  }
}

/** Back to the attract screen for the next guest. An order that was never going to be paid is taken back. */
export function reset(): void {
  const left = order.peek();
  const last = payment.peek();
  const atCounter = last?.tender === "cash" && last.state === "waiting";
  if (left?.state === "placed" && !atCounter && last?.state !== "unclear") {
    // Nobody waits for this answer: what stays unpaid expires by itself.
    void client.post("cancel", `/orders/${left.id}/cancel`, {}).catch(() => undefined);
  }
  batch(() => {
    cart.value = [];
    service.value = null;
    phone.value = "";
    order.value = null;
    go("attract");
  });
  const first = store.peek()?.languages[0];
  if (isLang(first)) setLang(first);
}

const SESSION = "galley.kiosk.session";

interface Session {
  screen: Screen;
  lang: string;
  cart: CartLine[];
  service: Service | null;
  order_id: string | null;
}

/** Kept so that a reload of the page (a power cut, a crashed tab) doesn't lose a guest who is paying. No phone. */
export function saveSession(): void {
  const session: Session = {
    screen: screen.value,
    lang: lang.value,
    cart: cart.value,
    service: service.value,
    order_id: order.value?.id ?? null,
  };
  rememberForSession(SESSION, session.screen === "attract" ? null : JSON.stringify(session));
}

export async function restoreSession(): Promise<void> {
  const text = recallFromSession(SESSION);
  if (!text) return;
  try {
    const session = JSON.parse(text) as Session;
    if (isLang(session.lang)) setLang(session.lang);
    const found = session.order_id ? await client.get<Order>(`/orders/${session.order_id}`) : null;
    batch(() => {
      cart.value = session.cart;
      service.value = session.service;
      order.value = found;
      screen.value = found ? session.screen : session.screen === "pay" || session.screen === "ticket" ? "menu" : session.screen;
    });
    if (found) takeOrder(found);
  } catch {
    rememberForSession(SESSION, null);
  }
}
