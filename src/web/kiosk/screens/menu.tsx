import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { DishArt } from "../../shared/art/DishArt";
import { lang, say, t, tCode } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { money } from "../../shared/money";
import type { Category, Dish } from "../../shared/types";
import { Notice } from "../app";
import { Stepper, Title, TopBar } from "../parts";
import { count, currency, dishes, go, menu, opened, quantityOf, reset, setQuantity, spoken, store, total } from "../state";
import { DishSheet } from "./dish";

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
    scroller.current?.querySelector(`[data-category="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };

  const sheet = opened.value ? dishes.value.get(opened.value) : undefined;
  return (
    <div class="screen menu-screen">
      <TopBar onHome={reset}><Title class="hidden-visually">{t("menu.title")}</Title></TopBar>
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
        <Uplink />
        {categories.map((one) => (
          <section key={one.id} data-category={one.id} aria-labelledby={`cat-${one.id}`}>
            <h2 id={`cat-${one.id}`}>{say(one.name)}</h2>
            <ul class="cards">{dishesOf(one).map((dish) => <Card key={dish.id} dish={dish} />)}</ul>
          </section>
        ))}
      </main>
      <CartBar />
      {sheet && <DishSheet dish={sheet} />}
    </div>
  );
}

let pinned: string | null = null;

function dishesOf(category: Category): Dish[] {
  return (menu.value?.dishes ?? []).filter((dish) => dish.category === category.id);
}

function CategoryArt({ category }: { category: Category }) {
  const dish = dishesOf(category)[0];
  return <span class="rail-art">{dish && <DishArt dish={dish} plain />}</span>;
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

export function facts(dish: Dish): string[] {
  return [t("unit.g", { n: dish.weight_g }), t("unit.kcal", { n: dish.kcal }), cookTime(dish.cook_s)];
}

export function cookTime(seconds: number): string {
  return seconds < 60 ? t("unit.s.short", { n: seconds }) : t("unit.min.short", { n: Math.ceil(seconds / 60) });
}

export function allergens(dish: Dish): string {
  return dish.allergens.length === 0
    ? t("menu.no.allergens")
    : t("menu.allergens", { list: dish.allergens.map((one) => tCode("allergen", one)).join(", ") });
}

function Card({ dish }: { dish: Dish }) {
  const name = say(dish.name);
  const quantity = quantityOf(dish.id);
  const add = () => {
    setQuantity(dish, quantity + 1);
    spoken.value = t("menu.added", { name });
  };
  return (
    <li class={`card${dish.available ? "" : " card-out"}`} data-dish={dish.id}>
      <button type="button" class="card-open" onClick={() => (opened.value = dish.id)}>
        <span class="card-art">
          <DishArt dish={dish} />
          {!dish.available && <span class="card-flag">{say(dish.reason) || t("menu.soldout")}</span>}
        </span>
        <span class="card-text">
          <span class="card-name display">{name}</span>
          <span class="card-facts num">{facts(dish).join(" · ")}</span>
          <span class="card-allergens">{allergens(dish)}</span>
        </span>
      </button>
      <div class="card-foot">
        <span class="price display num">{money(dish.price_minor, currency.value, lang.value)}</span>
        {quantity > 0 ? (
          <Stepper dish={dish} quantity={quantity} removable />
        ) : (
          <button type="button" class="add" disabled={!dish.available} aria-label={t("menu.add", { name })} onClick={add}><Icon name="plus" size="2rem" /></button>
        )}
      </div>
    </li>
  );
}

function CartBar() {
  const n = count.value;
  return (
    <footer class="cartbar">
      <div class="cartbar-sum">
        {n === 0 ? <span class="cartbar-empty">{t("menu.empty")}</span> : (
          <>
            <span>{t("menu.items", { n })}</span>
            <strong class="display num">{money(total.value, currency.value, lang.value)}</strong>
          </>
        )}
      </div>
      <button type="button" class="btn btn-main" disabled={n === 0} onClick={() => go("cart")}>
        <Icon name="bag" size="2rem" />
        <span>{t("menu.view")}</span>
      </button>
    </footer>
  );
}
