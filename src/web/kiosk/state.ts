// What the kiosk knows: the store, the menu, the guest's cart and the order being paid, as signals that screens read.
// The acts are in `basket.ts` (the cart), `checkout.ts` (the order and its payment) and `shop.ts` (what the box says).
import { batch, computed, signal } from "@preact/signals";
import { Client } from "../shared/client";
import { takeToken } from "../shared/token";
import type { Dish, Menu, Order, Payment, Quote, ReceiptWay, Service, StoreInfo, Text } from "../shared/types";
import { conflicts } from "./allergens";
import { countOf, faultOf, sumOf, type CartLine } from "./cart";
import { after, ALL_STEPS, before, type Screen, type Ways } from "./flow";

export const client = new Client("/api/v1", takeToken("kiosk"), "kiosk");
/** Whether the box knows this screen's key. */
export const paired = signal(client.token !== null);

export const store = signal<StoreInfo | null>(null);
export const menu = signal<Menu | null>(null);
export const screen = signal<Screen>("attract");
export const cart = signal<CartLine[]>([]);
export const service = signal<Service | null>(null);
export const phone = signal("");
export const email = signal("");
export const receiptWay = signal<ReceiptWay>("paper");
export const promoCode = signal("");
/** Who the guest is to the loyalty programme; `club.ts` knows the rest. */
export const member = signal<string | null>(null);
export const order = signal<Order | null>(null);

/** The dish whose sheet is open; with `line`, the line of the cart that is being changed. */
export const opened = signal<{ dish: string; line?: number } | null>(null);
/** The sheet over the screen that belongs to no dish. */
export const sheet = signal<"access" | "avoid" | "call" | "staff" | "code" | "paid" | "restart" | "unwanted" | null>(null);
/** What this guest wants to avoid; holds for the session. */
export const avoided = signal<ReadonlySet<string>>(new Set());
/** What of it this guest keeps in the cart nevertheless, as `unwanted` names it. */
export const keptUnwanted = signal("");
/** The one suggestion was made. */
export const suggested = signal(false);
/** What can be taken back. */
export const undoable = signal<{ cart: CartLine[]; name: Text } | null>(null);
/** The box's price of the cart, and of which cart it is. */
export const quoted = signal<{ mark: string; quote: Quote } | null>(null);

/** A sentence for the guest on the present screen; `say` in the words of the box wins over our own.
 * One about the `stock` holds as long as something in the cart can't be had. */
export const notice = signal<{ text: Text | string; tone: "calm" | "alert"; about?: "stock" } | null>(null);

/** What is being done for the guest right now, if it takes longer than a blink. */
export const busy = signal<"placing" | "paying" | "cancelling" | null>(null);

/** Read out by screen readers. */
export const spoken = signal("");

/** The same words twice are two announcements. */
export function announce(text: string): void {
  spoken.value = spoken.peek() === text ? `${text}\u200b` : text;
}

export const dishes = computed(() => new Map<string, Dish>((menu.value?.dishes ?? []).map((dish) => [dish.id, dish])));
export const count = computed(() => countOf(cart.value));
export const currency = computed(() => store.value?.currency ?? "RUB");
export const steps = computed(() => store.value?.steps ?? { ...ALL_STEPS, suggestion: false, receipt: false });
export const services = computed<Service[]>(() => store.value?.services ?? ["here", "to_go"]);
export const receiptWays = computed<ReceiptWay[]>(() => store.value?.receipt_to ?? ["paper"]);

/** What the guest wants to avoid and has in the cart. */
export const unwanted = computed(() => [...new Set(cart.value.flatMap((line) => {
  const dish = dishes.value.get(line.dish_id);
  return dish ? conflicts(dish, avoided.value, line.options) : [];
}))]);

/** Dishes of the cart that can't be ordered as they stand in it. */
export const gone = computed(() => [...new Set(cart.value.filter((line) => faultOf(line, dishes.value.get(line.dish_id))).map((line) => line.dish_id))]);

/** The body that asks for a price, and names the cart that it is of. */
export const question = computed(() => JSON.stringify({
  service: service.value ?? services.value[0] ?? "here",
  lines: cart.value.map(({ dish_id, quantity, options, price_minor }) => ({ dish_id, quantity, options, price_minor })),
  ...(promoCode.value ? { promo_code: promoCode.value } : {}),
  ...(phone.value ? { phone: phone.value } : {}),
  ...(member.value ? { member: member.value } : {}),
}));
export const quote = computed(() => (quoted.value?.mark === question.value ? quoted.value.quote : null));
export const fullSum = computed(() => sumOf(cart.value));
export const total = computed(() => quote.value?.total_minor ?? fullSum.value);

/** A dish that goes well with what is in the cart. */
export const suggestion = computed<{ dish: Dish; to: Dish } | null>(() => {
  for (const line of cart.value.toReversed()) {
    const to = dishes.value.get(line.dish_id);
    for (const id of to?.suggest ?? []) {
      const dish = dishes.value.get(id);
      if (to && dish?.available && countOf(cart.value, id) === 0 && conflicts(dish, avoided.value).length === 0) return { dish, to };
    }
  }
  return null;
});

export const payment = computed<Payment | null>(() => {
  // Points pay a part at once; what the guest waits for is the rest.
  const all = (order.value?.payments ?? []).filter((one) => one.tender !== "loyalty_points");
  return all.findLast((one) => one.state !== "closed" && one.state !== "declined" && !one.withdrawn) ?? all.at(-1) ?? null;
});

/** A code was shown, and the bank can't be asked whether it was paid: the guest may have paid on the phone all the same. */
export const bankAway = computed(() => {
  const now = payment.value;
  if (now?.state !== "waiting" || !now.qr) return false;
  return store.value?.tenders.some((one) => one.tender === now.tender && !one.available) ?? false;
});

const live: readonly string[] = ["registering", "waiting", "unclear"];

/** A guest whose money may be moving, or whose number is shown, keeps the screen, even one that was shut out. */
export const atStake = computed(() => order.value !== null && (screen.value === "ticket" || (screen.value === "pay" && live.includes(payment.value?.state ?? ""))));

/** While money may be moving the screen belongs to this guest, however long it takes. Cash waits at the counter. */
export const paying = computed(() => {
  if (busy.value) return true;
  const now = payment.value;
  if (screen.value !== "pay" || !now) return false;
  return now.tender !== "cash" && live.includes(now.state);
});

export function ways(): Ways {
  return {
    services: services.value,
    steps: steps.value,
    receipts: receiptWays.value,
    suggestion: !suggested.value && suggestion.value !== null,
  };
}

export function go(next: Screen): void {
  batch(() => {
    screen.value = next;
    notice.value = null;
    opened.value = null;
    sheet.value = null;
    undoable.value = null;
  });
}

export const forward = () => go(after(screen.peek(), ways()));
export const backward = () => go(before(screen.peek(), ways()));
