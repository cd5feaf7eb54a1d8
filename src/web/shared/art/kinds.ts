// Which picture a dish gets. Menus are free text, so this reads the id, the category and the names for known words
// and falls back on the category; a dish of which neither says anything has no drawing.
import type { Dish } from "../types";

export type Kind =
  | "soup" | "plov" | "dumplings" | "noodles" | "grill" | "fish" | "salad" | "burger" | "bread" | "hot_drink"
  | "cold_drink" | "cake" | "pancakes" | "porridge" | "side" | "stew";

const words: [Kind, RegExp][] = [
  ["plov", /plov|pilaf|pilav|плов|palov|osh\b|risotto|ризотто|rice|рис\b/],
  ["noodles", /lagman|лагман|lagʻmon|noodle|лапша|pasta|паста|spaghetti|спагетти|ramen|рамен|wok|вок|udon|удон/],
  ["dumplings", /pelmen|пельмен|manti|манты|chuchvara|чучвара|varenik|вареник|khinkali|хинкали|dumpling|ravioli|gnocchi/],
  ["burger", /burger|бургер|sandwich|сэндвич/],
  ["soup", /soup|суп|shorpa|shurpa|шурпа|borsch|борщ|solyanka|солянка|okroshka|окрошка|ukha|уха|shchi|щи\b|mastava|мастава|broth|бульон|tom.?yum/],
  ["pancakes", /blin|блин|syrnik|сырник|pancake|oladi|оладь|waffle|вафл/],
  ["cake", /cake|торт|medovik|медовик|napoleon|наполеон|dessert|десерт|pie|пирог|cheesecake|чизкейк|brownie|halva|chak|tiramisu/],
  ["porridge", /porridge|каша|kasha|oat|овсян|granola|yogurt|йогурт|omelet|омлет/],
  ["bread", /\bnon\b|lepesh|лепёш|лепеш|khachapuri|хачапури|pizza|пицца|bread|хлеб|samsa|самса|focaccia/],
  ["salad", /salad|салат|achichuk|ачичук|caesar|цезарь|vinegret|винегрет/],
  ["fish", /fish|рыб|salmon|лосос|сёмг|trout|форел|cod|треск|baliq/],
  ["grill", /shashl|шашлык|kebab|кебаб|kabob|steak|стейк|grill|гриль|cutlet|котлет|chop|отбивн|chicken_?grill|schnitzel|шницель/],
  ["stew", /stew|goulash|гуляш|stroganoff|строганов|curry|карри|dimlama|димлама|ragout|рагу|chili|chicken|куриц|beef|говядин/],
  ["side", /fries|картоф|potato|puree|пюре|vegetable|овощ|buckwheat|гречк|side|гарнир/],
  ["hot_drink", /tea|чай|choy|coffee|кофе|cappuccino|капучино|latte|латте|espresso|cocoa|какао|qahva/],
  ["cold_drink", /lemonade|лимонад|juice|сок\b|mors|морс|kompot|компот|compote|cola|water|вода|ayran|айран|kvass|квас|drink|напит|ichimlik|smoothie/],
];

const byCategory: [Kind, RegExp][] = [
  ["soup", /soup|first|суп|перв/],
  ["salad", /salad|салат|cold|starter|закус/],
  ["cold_drink", /drink|напит|bar|beverage|ichimlik/],
  ["cake", /dessert|sweet|десерт|сладк|shirinlik/],
  ["bread", /bread|bakery|хлеб|выпеч/],
  ["side", /side|гарнир/],
  ["porridge", /breakfast|завтрак/],
  ["grill", /grill|гриль|meat|мяс/],
];

function find(list: [Kind, RegExp][], text: string): Kind | null {
  return list.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

export function kindOf(dish: Pick<Dish, "id" | "category" | "name">): Kind | null {
  const id = dish.id.toLowerCase().replaceAll("_", " ").replaceAll("-", " ");
  const names = `${dish.name.en} ${dish.name.ru}`.toLowerCase();
  return find(words, id) ?? find(words, names) ?? find(byCategory, dish.category.toLowerCase());
}
