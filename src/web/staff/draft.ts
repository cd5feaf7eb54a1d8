// The order that is being taken: its lines and what they cost. The store's own price counts; this one is for the eye.
import type { Dish, Draft, Picked } from "./types";

export function priceOf(dish: Dish, picked: readonly Picked[]): number {
  const added = picked.map((one) => dish.options?.find((o) => o.id === one.option)?.choices.find((c) => c.id === one.choice)?.price_minor ?? 0);
  return added.reduce((sum, one) => sum + one, dish.price_minor);
}

/** What a dish has unless somebody says otherwise. */
export function standard(dish: Dish): Picked[] {
  return (dish.options ?? []).flatMap((option) => {
    const usual = option.choices.filter((one) => one.standard && one.available !== false).slice(0, option.max);
    const first = option.choices.find((one) => one.available !== false);
    const taken = usual.length === 0 && option.min > 0 && first ? [first] : usual;
    return taken.map((one) => ({ option: option.id, choice: one.id }));
  });
}

function keyOf(dish: Dish, picked: readonly Picked[]): string {
  return [dish.id, ...picked.map((one) => `${one.option}=${one.choice}`).sort()].join(" ");
}

/** One more of a dish; the same dish with the same choices is one line. */
export function merged(lines: readonly Draft[], dish: Dish, picked: readonly Picked[]): Draft[] {
  const key = keyOf(dish, picked);
  if (lines.some((one) => one.key === key)) return lines.map((one) => (one.key === key ? { ...one, quantity: one.quantity + 1 } : one));
  return [...lines, { key, dish, picked: [...picked], quantity: 1 }];
}

export function dropped(lines: readonly Draft[], key: string): Draft[] {
  return lines.filter((one) => one.key !== key);
}
