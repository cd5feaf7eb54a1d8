import { useEffect, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { boxNow } from "../../shared/client";
import { backText, untilText } from "../../shared/dates";
import { say, t, tCode } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import type { Category, Dish, Promotion } from "../../shared/types";
import { conflicts, fittingOptions } from "../allergens";
import { addDish, dropOne, undo } from "../basket";
import { countOf, isSwapped, standardOptions, unmet } from "../cart";
import { still } from "../modes";
import { DishPicture, Frame, Notice, price, Stepper, Title, TopBar } from "../parts";
import { avoided, cart, count, forward, fullSum, menu, opened, store, total, undoable } from "../state";
import { ClosedNotice } from "./attract";

const shown = signal<string | null>(null);

export function MenuScreen() {
  const scroller = useRef<HTMLDivElement>(null);
  const categories = (menu.value?.categories ?? []).filter((one) => dishesOf(one).length > 0);
  const first = categories[0]?.id ?? null;

  useEffect(() => {
    shown.value = first;
    const box = scroller.current;
    if (!box) return;
    const follow = () => {
      const top = box.getBoundingClientRect().top + box.clientHeight * 0.28;
      let current = first;
      for (const section of box.querySelectorAll<HTMLElement>("[data-category]")) {
        if (section.getBoundingClientRect().top <= top) current = section.dataset["category"] ?? current;
      }
      if (box.scrollTop > 0 && box.scrollTop + box.clientHeight >= box.scrollHeight - 2 && pinned) current = pinned;
      shown.value = current;
    };
    box.addEventListener("scroll", follow, { passive: true });
    return () => box.removeEventListener("scroll", follow);
  }, [first]);

  const jump = (id: string) => {
    pinned = id;
    shown.value = id;
    scroller.current?.querySelector(`[data-category="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "start", behavior: still() ? "auto" : "smooth" });
  };

  return (
    <Frame class="menu-screen" top={<TopBar restart><Title class="hidden-visually">{t("menu.title")}</Title></TopBar>} bottom={<CartBar />}>
      <nav class="rail" aria-label={t("menu.categories")}>
        {categories.map((one) => (
          <button type="button" key={one.id} class="rail-item" aria-current={shown.value === one.id ? "true" : undefined} onClick={() => jump(one.id)}>
            <CategoryArt category={one} />
            <span>{say(one.name)}</span>
          </button>
        ))}
      </nav>
      <main class="shelf" ref={scroller}>
        <Notice />
        <ClosedNotice />
        <Uplink />
        <Deals />
        {categories.map((one) => <Shelf key={one.id} category={one} />)}
      </main>
    </Frame>
  );
}

let pinned: string | null = null;

function dishesOf(category: Category): Dish[] {
  return (menu.value?.dishes ?? []).filter((dish) => dish.category === category.id);
}

function CategoryArt({ category }: { category: Category }) {
  const dish = dishesOf(category)[0];
  return <span class="rail-art">{dish && <DishPicture dish={dish} sizes="140px" plain />}</span>;
}

/** A category's dishes; those with something to avoid stand aside, counted and one touch away. */
function Shelf({ category }: { category: Category }) {
  const [all, setAll] = useState(false);
  const dishes = dishesOf(category);
  // A dish that can be had without it stays, and is chosen on its own sheet.
  const fit = dishes.filter((dish) => conflicts(dish, avoided.value, fittingOptions(dish, avoided.value)).length === 0);
  const aside = dishes.filter((dish) => !fit.includes(dish));
  const list = [...new Set(aside.flatMap((dish) => conflicts(dish, avoided.value)))].map((id) => tCode("allergen", id)).join(", ");
  return (
    <section data-category={category.id} aria-labelledby={`cat-${category.id}`}>
      <h2 id={`cat-${category.id}`}>{say(category.name)}</h2>
      <ul class="cards">{(all ? [...fit, ...aside] : fit).map((dish) => <Card key={dish.id} dish={dish} />)}</ul>
      {aside.length > 0 && (
        <p class="aside">
          <Icon name="leaf" size="1.8rem" /><span>{t("avoid.hidden", { n: aside.length, list })}</span>
          <button type="button" class="btn btn-quiet" aria-expanded={all} onClick={() => setAll(!all)}>{t(all ? "avoid.hide" : "avoid.show")}</button>
        </p>
      )}
    </section>
  );
}

function Uplink() {
  const now = store.value;
  if (!now || now.uplink !== "offline") return null;
  const list = now.tenders.filter((one) => one.available).map((one) => say(one.name)).join(", ");
  return (
    <p class="notice notice-calm" role="status">
      <Icon name="offline" size="2rem" />
      <span>{list ? t("offline.note", { list }) : t("offline.note.none")}</span>
    </p>
  );
}

/** Promotions that everybody has; codes and those of one person are their own business. */
const open: readonly string[] = ["combo", "happy_hour", "nth_free"];

function deals(): Promotion[] {
  return (menu.value?.promotions ?? []).filter((one) => open.includes(one.kind) && say(one.name));
}

function Deals() {
  const list = deals();
  if (list.length === 0) return null;
  return (
    <section class="deals" aria-labelledby="deals">
      <h2 id="deals" class="hidden-visually">{t("menu.deals")}</h2>
      <ul>
        {list.map((one) => (
          <li key={one.id} class="deal" data-promotion={one.id}>
            <Icon name="tag" size="2.2rem" />
            <span><strong>{say(one.name)}</strong>{say(one.note) && <span>{say(one.note)}</span>}{one.until_at ? <span class="num">{untilText(one.until_at, boxNow(), store.value?.zone)}</span> : null}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function facts(dish: Dish): string[] {
  return [t("unit.g", { n: dish.weight_g }), t("unit.kcal", { n: dish.kcal }), cookTime(dish.cook_s)];
}

export function cookTime(seconds: number): string {
  return seconds < 60 ? t("unit.s.short", { n: seconds }) : t("unit.min.short", { n: Math.ceil(seconds / 60) });
}

export function allergens(ids: readonly string[]): string {
  return ids.length === 0 ? t("menu.no.allergens") : t("menu.allergens", { list: ids.map((one) => tCode("allergen", one)).join(", ") });
}

/** Why a dish can't be had now, and when it can be again. */
export function soldOut(dish: Dish): string {
  const why = say(dish.reason) || t("menu.soldout");
  const back = dish.back_at && dish.back_at > boxNow() ? backText(dish.back_at, boxNow(), store.value?.zone) : "";
  return back ? `${why}, ${back}` : why;
}

function Card({ dish }: { dish: Dish }) {
  const name = say(dish.name);
  const quantity = countOf(cart.value, dish.id);
  const standard = standardOptions(dish);
  const bad = conflicts(dish, avoided.value, standard);
  const deal = deals().find((one) => one.dishes.includes(dish.id));
  // What must be chosen, or must be looked at first, is chosen on the dish's own sheet.
  const asks = unmet(dish, standard).length > 0 || bad.length > 0 || isSwapped(dish);
  return (
    <li class={`card${dish.available ? "" : " card-out"}`} data-dish={dish.id}>
      <button type="button" class="card-open" onClick={() => (opened.value = { dish: dish.id })}>
        <span class="card-art">
          <DishPicture dish={dish} sizes="(orientation: portrait) 45vw, 30vw" />
          {!dish.available && <span class="card-flag">{soldOut(dish)}</span>}
          {dish.available && bad.length > 0 && <span class="card-flag card-flag-bad"><Icon name="alert" size="1.3rem" />{allergens(bad)}</span>}
          {dish.available && bad.length === 0 && deal && <span class="card-deal"><Icon name="tag" size="1.2rem" />{say(deal.name)}</span>}
        </span>
        <span class="card-text">
          <span class="card-name display">{name}</span>
          <span class="card-facts num">{facts(dish).join(" · ")}</span>
          <span class="card-allergens">{allergens(dish.allergens)}</span>
        </span>
      </button>
      <div class="card-foot">
        <span class="price display num">{price(dish.price_minor)}</span>
        {quantity > 0 && dish.available ? (
          <Stepper dish={dish} quantity={quantity} removable onChange={(next) => (next < quantity ? dropOne(dish) : asks ? (opened.value = { dish: dish.id }) : addDish(dish, standard))} />
        ) : (
          <button type="button" class="add" disabled={!dish.available} aria-label={t(asks ? "menu.pick" : "menu.add", { name })} onClick={() => (asks ? (opened.value = { dish: dish.id }) : addDish(dish, standard))}><Icon name="plus" size="2rem" /></button>
        )}
      </div>
    </li>
  );
}

function CartBar() {
  const n = count.value;
  const full = fullSum.value;
  return (
    <footer class="cartbar">
      {undoable.value ? <Undo /> : (
        <div class="cartbar-sum">
          {n === 0 ? <span class="cartbar-empty">{t("menu.empty")}</span> : (
            <>
              <span>{t("menu.items", { n })}{total.value < full && <> · <s class="num">{price(full)}</s></>}</span>
              <strong class="display num">{price(total.value)}</strong>
            </>
          )}
        </div>
      )}
      <button type="button" class="btn btn-main" disabled={n === 0} onClick={forward}>
        <Icon name="bag" size="2rem" />
        <span>{t("menu.view")}</span>
      </button>
    </footer>
  );
}

export function Undo() {
  const kept = undoable.value;
  if (!kept) return null;
  return (
    <p class="undo" role="status">
      <span>{t("cart.removed", { name: say(kept.name) })}</span>
      <button type="button" class="btn btn-quiet" onClick={undo}><Icon name="undo" size="1.6rem" />{t("cart.undo")}</button>
    </p>
  );
}
