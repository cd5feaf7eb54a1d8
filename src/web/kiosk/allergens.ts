// What a guest wants to avoid, as plain values.
import type { Chosen, Dish, Menu } from "../shared/types";
import { isChosen, standardOptions } from "./cart";

/** Menus write one thing two ways. */
const same: Record<string, string> = { eggs: "egg", peanuts: "peanut" };

export function allergenId(id: string): string {
  return same[id] ?? id;
}

/** All that the menu knows, in its own order of appearance. */
export function allergensOf(menu: Menu): string[] {
  const all = new Set<string>();
  for (const dish of menu.dishes) {
    for (const id of dish.allergens) all.add(allergenId(id));
    for (const option of dish.options ?? []) for (const choice of option.choices) for (const id of choice.allergens ?? []) all.add(allergenId(id));
  }
  return [...all];
}

/** What one plate contains, with these options. */
export function contains(dish: Dish, options: readonly Chosen[]): string[] {
  const all = new Set(dish.allergens.map(allergenId));
  for (const option of dish.options ?? []) {
    for (const choice of option.choices) {
      if (isChosen(options, option.id, choice.id)) for (const id of choice.allergens ?? []) all.add(allergenId(id));
    }
  }
  return [...all];
}

/** What of the things to avoid is in the plate; with the dish's standard options when none are named. */
export function conflicts(dish: Dish, avoided: ReadonlySet<string>, options: readonly Chosen[] = standardOptions(dish)): string[] {
  return avoided.size === 0 ? [] : contains(dish, options).filter((id) => avoided.has(id));
}
