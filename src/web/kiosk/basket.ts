// The acts on the cart, and its price as the box reckons it: promotions and codes are the box's business alone.
import { batch, effect } from "@preact/signals";
import { lang, say, t } from "../shared/i18n";
import type { Chosen, Dish, Quote } from "../shared/types";
import * as basket from "./cart";
import { announce, cart, client, dishes, forward, keptUnwanted, menu, order, question, quoted, sheet, undoable, unwanted } from "./state";

export function addDish(dish: Dish, options: readonly Chosen[] = basket.standardOptions(dish), quantity = 1): void {
  batch(() => {
    undoable.value = null;
    cart.value = basket.put(cart.value, dish, options, quantity);
  });
  announce(t("menu.added", { name: say(dish.name) }));
}

export function dropOne(dish: Dish): void {
  const line = cart.value.findLast((one) => one.dish_id === dish.id);
  if (line) setLine(line.key, line.quantity - 1);
}

export function setLine(key: number, quantity: number): void {
  const line = cart.value.find((one) => one.key === key);
  if (!line) return;
  const dish = dishes.value.get(line.dish_id);
  const name = dish?.name ?? { ru: line.dish_id, uz: line.dish_id, en: line.dish_id };
  batch(() => {
    undoable.value = quantity <= 0 ? { cart: cart.value, name } : null;
    cart.value = basket.setQuantity(cart.value, key, quantity);
  });
  if (quantity <= 0) announce(t("cart.removed", { name: say(name) }));
}

export function changeLine(key: number, dish: Dish, options: readonly Chosen[], quantity: number): void {
  batch(() => {
    undoable.value = null;
    cart.value = basket.change(cart.value, key, dish, options, quantity);
  });
}

export function undo(): void {
  const kept = undoable.value;
  if (!kept) return;
  batch(() => {
    // The menu may have changed meanwhile; the lines that come back follow it.
    cart.value = menu.value ? basket.applyMenu(kept.cart, null, menu.value).cart : kept.cart;
    undoable.value = null;
  });
}

/** On from the cart. Something to avoid in it is asked about once; `kept` is the guest's answer. */
export function checkOut(kept = false): void {
  const names = unwanted.peek().join(" ");
  if (kept) keptUnwanted.value = names;
  if (names !== "" && keptUnwanted.peek() !== names) {
    sheet.value = "unwanted";
    return;
  }
  cart.value = basket.seen(cart.value);
  forward();
}

/** Asks for the price whenever the cart changes; an older answer never replaces a newer one. */
export function watchPrice(): void {
  let asking = false;
  let again = false;
  const ask = async () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    do {
      again = false;
      const mark = question.peek();
      if (cart.peek().length === 0) {
        quoted.value = null;
        continue;
      }
      try {
        const quote = await client.ask<Quote>("/quote", { ...(JSON.parse(mark) as object), language: lang.peek() });
        quoted.value = { mark, quote };
        again ||= mark !== question.peek();
      } catch {
        // Without an answer the sum of the lines is shown; the order is priced by the box in any case.
      }
    } while (again);
    asking = false;
  };
  effect(() => {
    void question.value;
    void menu.value;
    // What is placed has its price.
    if (!order.value && cart.value.length > 0) void ask();
  });
}
