// Placing the order and getting it paid. Every act carries one key until the box has answered for good, so a double
// tap, a lost answer or a restarted daemon never places or charges twice.
import { batch } from "@preact/signals";
import { delay, Refusal, Unreachable } from "../shared/client";
import { isLang, lang, setLang, t } from "../shared/i18n";
import type { Order, Payment } from "../shared/types";
import { callStaff, forgetCall } from "./calls";
import { forgetGuest, usePoints } from "./club";
import { calmDown } from "./modes";
import { renew, refreshMenu, refreshStore } from "./shop";
import { announce, avoided, busy, cart, client, email, go, keptUnwanted, member, notice, order, paired, payment, phone, promoCode, question, quote, quoted, receiptWay, screen, service, services, store, suggested } from "./state";

const settled: readonly string[] = ["paid", "receipted", "cooking", "ready", "closed", "refunding", "refunded"];

export async function refreshOrder(): Promise<void> {
  const now = order.peek();
  if (!now) return;
  try {
    takeOrder(paired.peek() ? await client.get<Order>(`/orders/${now.id}`) : await fromOutside(now));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) paired.value = false;
    else if (error.slug === "unknown_order" || error.slug === "not_found") reset();
    else throw error;
  }
}

/** A screen that was shut out sees of its guest's order what the guest's phone sees. */
async function fromOutside(now: Order): Promise<Order> {
  const page = now.follow && (await (await fetch(now.follow.svg_path.replace("/qr.svg", ""))).text());
  const state = page && /<h1 class="(\w+)/.exec(page)?.[1];
  return state ? { ...now, state: state as Order["state"] } : now;
}

export function takeOrder(next: Order): void {
  if (order.peek() && order.peek()?.id !== next.id) return;
  batch(() => {
    order.value = next;
    if (settled.includes(next.state) && screen.peek() !== "ticket") {
      go("ticket");
      announce(t("ticket.thanks"));
    }
    if ((next.state === "cancelled" || next.state === "expired") && screen.peek() === "pay") go("ticket");
  });
  // Money whose fate is unknown is a person's business as well as the bank's.
  if (screen.peek() === "pay" && payment.peek()?.state === "unclear") void callStaff("payment", `unclear ${next.id}`);
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
    if (!(await payByPoints(placed))) return;
    const started = await client.post<Payment>("pay", `/orders/${placed.id}/payments`, { tender });
    const now = order.peek() ?? placed;
    order.value = { ...now, payments: [...now.payments.filter((one) => one.id !== started.id), started] };
    go("pay");
    await refreshOrder().catch(() => undefined);
  } catch (error) {
    await explain(error);
  } finally {
    busy.value = null;
  }
}

/** How long the box may take to hold points: its own ledger takes a moment. */
const POINTS_MS = 10_000;

/** Pays a part by points, if the guest wants it; false when that failed, and the guest chooses anew. */
async function payByPoints(placed: Order): Promise<boolean> {
  const sum = quote.peek()?.points?.spendable_minor ?? 0;
  const gone = (one: Payment) => one.state === "declined" || one.state === "closed";
  if (!usePoints.peek() || sum === 0 || placed.payments.some((one) => one.tender === "loyalty_points" && !gone(one))) return true;
  const failed = () => {
    usePoints.value = false;
    go("tender");
    notice.value = { text: t("loyalty.unspent"), tone: "alert" };
    return false;
  };
  let one: Payment;
  try {
    one = await client.post<Payment>("points", `/orders/${placed.id}/payments`, { tender: "loyalty_points", amount_minor: sum });
  } catch (error) {
    if (error instanceof Refusal && (error.slug === "conflict" || error.slug === "unknown_member")) return failed();
    throw error;
  }
  for (const until = performance.now() + POINTS_MS; one.state !== "captured"; ) {
    if (gone(one) || performance.now() > until) {
      await refreshOrder().catch(() => undefined);
      return failed();
    }
    await delay(120);
    one = await client.get<Payment>(`/payments/${one.id}`);
  }
  await refreshOrder().catch(() => undefined);
  return true;
}

async function place(): Promise<Order> {
  const address = receiptWay.value === "sms" ? phone.value : receiptWay.value === "email" ? email.value : "";
  const body = {
    language: lang.value,
    service: service.value ?? services.value[0] ?? "here",
    lines: cart.value.map(({ dish_id, quantity, price_minor, options }) => ({ dish_id, quantity, price_minor, ...(options.length > 0 ? { options } : {}) })),
    ...(phone.value ? { phone: phone.value } : {}),
    ...(member.value ? { member: member.value } : {}),
    ...(promoCode.value ? { promo_code: promoCode.value } : {}),
    ...(quote.value ? { total_minor: quote.value.total_minor } : {}),
    // Paper is what every box gives unasked.
    ...(address ? { receipt_to: { kind: receiptWay.value, address } } : {}),
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
      if (error.problem.quote) quoted.value = { mark: question.peek(), quote: error.problem.quote };
      go("cart");
      notice.value = { text: t("cart.price.changed"), tone: "alert" };
      return;
    }
    case "out_of_stock":
    case "option_gone":
    case "promo_code":
    case "unknown_dish":
    case "bad_quantity":
    case "empty_order": {
      await refreshMenu().catch(() => undefined);
      go("cart");
      notice.value = { text: own ?? t("cart.soldout"), tone: "alert", about: "stock" };
      return;
    }
    // Forgotten at the counter meanwhile: the order goes on without points.
    case "unknown_member":
      forgetGuest();
      notice.value = { text: t("loyalty.unspent"), tone: "alert" };
      return;
    case "already_paid":
      await refreshOrder().catch(() => undefined);
      return;
    default:
      await refreshStore().catch(() => undefined);
      // A store that has closed says so by itself, until it opens again.
      if (!order.peek() && store.peek()?.accepting.ok === false) return;
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
  if (order.peek() && paired.peek() && screen.peek() === "pay") notice.value = { text: error.guestMessage ?? t("failed.other"), tone: "alert" };
}

/** Takes the unpaid order back. With `then` "tender" the cart stays, so that the guest can change it. */
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
    email.value = "";
    promoCode.value = "";
    receiptWay.value = "paper";
    avoided.value = new Set();
    keptUnwanted.value = "";
    suggested.value = false;
    quoted.value = null;
    order.value = null;
    forgetGuest();
    go("attract");
  });
  calmDown();
  forgetCall();
  const first = store.peek()?.languages[0];
  if (isLang(first)) setLang(first);
  renew();
}
