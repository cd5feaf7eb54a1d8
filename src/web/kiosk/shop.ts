// What the box says of the store and the menu, and what becomes of a guest's cart when it says something new.
import { batch } from "@preact/signals";
import { Refusal } from "../shared/client";
import { say, t } from "../shared/i18n";
import type { Menu, StoreInfo } from "../shared/types";
import { applyMenu } from "./cart";
import { cart, client, dishes, go, gone, menu, notice, order, paired, paying, screen, store } from "./state";

let build: string | undefined;
let menuText = "";

export async function refreshStore(): Promise<void> {
  try {
    store.value = await client.get<StoreInfo>("/store");
    paired.value = true;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) paired.value = false;
    throw error;
  }
  build ??= store.value.build;
  renew();
}

/** A new build of the pages is taken where no guest can lose anything: on the attract screen. */
export function renew(): void {
  const now = store.peek()?.build;
  if (now !== undefined && build !== undefined && now !== build && screen.peek() === "attract" && !paying.peek()) location.reload();
}

/** Screens on which the guest has left the cart and must be brought back to see what changed. */
const beyondCart: readonly string[] = ["loyalty", "contact", "receipt", "tender"];

export async function refreshMenu(): Promise<void> {
  const next = await client.get<Menu>("/menu");
  const text = JSON.stringify(next);
  if (text === menuText) return;
  menuText = text;
  takeMenu(next);
}

export function takeMenu(next: Menu): void {
  const news = applyMenu(cart.peek(), menu.peek(), next);
  batch(() => {
    menu.value = next;
    cart.value = news.cart;
  });
  if (notice.peek()?.about === "stock") notice.value = gone.peek().length > 0 ? ranOut(gone.peek()) : null;
  // An order that is being paid has its prices already; until then the guest is told on the cart.
  if (order.peek() || (!news.repriced && news.lost.length === 0)) return;
  if (beyondCart.includes(screen.peek())) go("cart");
  notice.value = news.lost.length > 0 ? ranOut(gone.peek()) : { text: t("cart.price.changed"), tone: "alert" };
}

function ranOut(ids: readonly string[]): NonNullable<typeof notice.value> {
  const names = ids.map((id) => say(dishes.peek().get(id)?.name) || id);
  return { text: t("cart.lost", { list: names.join(", ") }), tone: "alert", about: "stock" };
}
