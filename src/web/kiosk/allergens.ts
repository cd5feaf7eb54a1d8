// What a guest wants to avoid, as plain values.
import type { Chosen, Dish, Menu } from "../shared/types";
import { isChosen, standardOptions, toggle } from "./cart";

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

/** What one plate contains, with these options: a choice can take something out of it, and bring something in. */
export function contains(dish: Dish, options: readonly Chosen[]): string[] {
  const taken = (dish.options ?? []).flatMap((option) => option.choices.filter((choice) => isChosen(options, option.id, choice.id)));
  const all = new Set(dish.allergens.map(allergenId));
  for (const choice of taken) for (const id of choice.without_allergens ?? []) all.delete(allergenId(id));
  for (const choice of taken) for (const id of choice.allergens ?? []) all.add(allergenId(id));
  return [...all];
}

/** The dish's standard options, bent to leave out what is to be avoided as far as its choices allow. */
export function fittingOptions(dish: Dish, avoided: ReadonlySet<string>): Chosen[] {
  let options = standardOptions(dish);
  for (const bad of conflicts(dish, avoided, options)) {
    for (const option of dish.options ?? []) {
      const way = option.choices.find((choice) => choice.available && choice.without_allergens?.some((id) => allergenId(id) === bad));
      const next = way && !isChosen(options, option.id, way.id) ? toggle(options, option, way.id) : options;
      if (conflicts(dish, avoided, next).length < conflicts(dish, avoided, options).length) options = next;
    }
  }
  return options;
}

/** What of the things to avoid is in the plate; with the dish's standard options when none are named. */
export function conflicts(dish: Dish, avoided: ReadonlySet<string>, options: readonly Chosen[] = standardOptions(dish)): string[] {
  return avoided.size === 0 ? [] : contains(dish, options).filter((id) => avoided.has(id));
}
