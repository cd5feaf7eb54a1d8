// The guest's cart as plain values: what a tap, an undo and a new menu make of it. No signals, no network.
import type { Chosen, Dish, DishOption, Menu } from "../shared/types";

export interface CartLine {
  /** Names the line while it is in the cart; the same dish with other options is another line. */
  key: number;
  dish_id: string;
  options: Chosen[];
  quantity: number;
  /** Of one, with its options: what the guest last saw. */
  price_minor: number;
  /** The price before it changed under the guest's eyes. */
  was_minor?: number;
}

export type LineFault = "unknown_dish" | "sold_out" | "option_gone";

export const MOST_OF_ONE_DISH = 20;

export function isChosen(options: readonly Chosen[], option: string, choice: string): boolean {
  return options.some((one) => one.option === option && one.choice === choice);
}

export function sameOptions(a: readonly Chosen[], b: readonly Chosen[]): boolean {
  return a.length === b.length && a.every((one) => isChosen(b, one.option, one.choice));
}

/** What a dish has unless the guest says otherwise: its standard choices, or the first that fill what must be chosen. */
export function standardOptions(dish: Dish): Chosen[] {
  return (dish.options ?? []).flatMap((option) => {
    const open = option.choices.filter((choice) => choice.available);
    const taken = open.filter((choice) => choice.standard).slice(0, option.max);
    for (const choice of open) {
      if (taken.length >= option.min) break;
      if (!taken.includes(choice)) taken.push(choice);
    }
    return taken.map((choice) => ({ option: option.id, choice: choice.id }));
  });
}

/** Whether what the dish usually has is gone, and something else stands in for it: the guest must see that first. */
export function isSwapped(dish: Dish): boolean {
  return (dish.options ?? []).some((option) => option.choices.some((choice) => choice.standard && !choice.available));
}

/** Takes or lays back a choice. Of an option that allows one, the new choice takes the old one's place. */
export function toggle(options: readonly Chosen[], option: DishOption, choice: string): Chosen[] {
  const others = options.filter((one) => one.option !== option.id);
  const mine = options.filter((one) => one.option === option.id);
  const had = mine.some((one) => one.choice === choice);
  if (option.max <= 1) return had && option.min === 0 ? others : [...others, { option: option.id, choice }];
  if (had) return mine.length > option.min ? [...others, ...mine.filter((one) => one.choice !== choice)] : [...options];
  if (mine.length >= option.max) return [...options];
  return [...others, ...mine, { option: option.id, choice }];
}

/** The price of one, with its options. */
export function unitPrice(dish: Dish, options: readonly Chosen[]): number {
  return (dish.options ?? []).reduce((sum, option) => sum + option.choices
    .filter((choice) => isChosen(options, option.id, choice.id))
    .reduce((part, choice) => part + choice.price_minor, 0), dish.price_minor);
}

/** Options of which too few are chosen. */
export function unmet(dish: Dish, options: readonly Chosen[]): DishOption[] {
  return (dish.options ?? []).filter((option) => options.filter((one) => one.option === option.id).length < option.min);
}

/** Why a line can't be ordered as it is. */
export function faultOf(line: Pick<CartLine, "options">, dish: Dish | undefined): LineFault | null {
  if (!dish) return "unknown_dish";
  if (!dish.available) return "sold_out";
  const known = line.options.every(({ option, choice }) => dish.options?.find((one) => one.id === option)?.choices.find((one) => one.id === choice)?.available);
  return known && unmet(dish, line.options).length === 0 ? null : "option_gone";
}

export function countOf(cart: readonly CartLine[], dishId?: string): number {
  return cart.reduce((sum, line) => sum + (dishId === undefined || line.dish_id === dishId ? line.quantity : 0), 0);
}

export function sumOf(cart: readonly CartLine[]): number {
  return cart.reduce((sum, line) => sum + line.price_minor * line.quantity, 0);
}

/** More of a dish; the same dish with the same options stays one line. */
export function put(cart: readonly CartLine[], dish: Dish, options: readonly Chosen[], quantity: number): CartLine[] {
  const same = cart.find((line) => line.dish_id === dish.id && sameOptions(line.options, options));
  if (same) return setQuantity(cart, same.key, same.quantity + quantity);
  const wanted = Math.min(MOST_OF_ONE_DISH, quantity);
  if (wanted <= 0) return [...cart];
  const key = cart.reduce((most, line) => Math.max(most, line.key), 0) + 1;
  return [...cart, { key, dish_id: dish.id, options: [...options], quantity: wanted, price_minor: unitPrice(dish, options) }];
}

export function setQuantity(cart: readonly CartLine[], key: number, quantity: number): CartLine[] {
  const wanted = Math.max(0, Math.min(MOST_OF_ONE_DISH, quantity));
  return cart.flatMap((line) => (line.key !== key ? [line] : wanted > 0 ? [{ ...line, quantity: wanted }] : []));
}

/** One less of a dish, from the line that was added last. */
export function takeOne(cart: readonly CartLine[], dishId: string): CartLine[] {
  const last = cart.findLast((line) => line.dish_id === dishId);
  return last ? setQuantity(cart, last.key, last.quantity - 1) : [...cart];
}

/** Other options for a line, at its place; it joins a line that is then the same. */
export function change(cart: readonly CartLine[], key: number, dish: Dish, options: readonly Chosen[], quantity: number): CartLine[] {
  const twin = cart.find((line) => line.key !== key && line.dish_id === dish.id && sameOptions(line.options, options));
  if (twin) return setQuantity(cart.filter((line) => line.key !== key), twin.key, twin.quantity + quantity);
  const wanted = Math.max(0, Math.min(MOST_OF_ONE_DISH, quantity));
  return cart.flatMap((line) => (line.key !== key ? [line] : wanted > 0 ? [{ key, dish_id: dish.id, options: [...options], quantity: wanted, price_minor: unitPrice(dish, options) }] : []));
}

export interface CartNews {
  cart: CartLine[];
  repriced: boolean;
  /** Dishes that can't be ordered any more as they stand in the cart, and could before. */
  lost: { dish_id: string; fault: LineFault }[];
}

/** What a new menu makes of the cart: prices follow it, the old ones are kept to be shown. */
export function applyMenu(cart: readonly CartLine[], before: Menu | null, after: Menu): CartNews {
  let repriced = false;
  const lost: CartNews["lost"] = [];
  const find = (from: Menu | null, id: string) => from?.dishes.find((one) => one.id === id);
  const next = cart.map((line) => {
    const dish = find(after, line.dish_id);
    const fault = faultOf(line, dish);
    if (fault && (!before || !faultOf(line, find(before, line.dish_id)))) lost.push({ dish_id: line.dish_id, fault });
    if (!dish) return line;
    const price = unitPrice(dish, line.options);
    if (price === line.price_minor) return line;
    repriced = true;
    return { ...line, price_minor: price, was_minor: line.was_minor ?? line.price_minor };
  });
  return { cart: next, repriced, lost };
}

/** The guest has seen the new prices. */
export function seen(cart: readonly CartLine[]): CartLine[] {
  return cart.map(({ was_minor: _, ...line }) => line);
}
