import { useEffect, useRef, useState } from "preact/hooks";
import { DishArt } from "../../shared/art/DishArt";
import { lang, say, t, tCode } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { money } from "../../shared/money";
import type { Dish } from "../../shared/types";
import { Stepper } from "../parts";
import { currency, opened, quantityOf, setQuantity, spoken } from "../state";
import { cookTime } from "./menu";

export function DishSheet({ dish }: { dish: Dish }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [quantity, setWanted] = useState(1);
  const name = say(dish.name);
  useEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);
  const close = () => (opened.value = null);
  const add = () => {
    setQuantity(dish, quantityOf(dish.id) + quantity);
    spoken.value = t("menu.added", { name });
    close();
  };
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="sheet-name" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="sheet-body">
        <div class="sheet-art"><DishArt dish={dish} /></div>
        <button type="button" class="btn btn-round btn-icon sheet-close" aria-label={t("close")} onClick={close}><Icon name="close" size="1.9rem" /></button>
        <div class="sheet-text">
          <h2 id="sheet-name">{name}</h2>
          <p class="sheet-about">{say(dish.description)}</p>
          <dl class="facts">
            <div><dt><Icon name="weight" size="1.7rem" />{t("dish.weight")}</dt><dd class="num">{t("unit.g", { n: dish.weight_g })}</dd></div>
            <div><dt><Icon name="flame" size="1.7rem" />{t("dish.energy")}</dt><dd class="num">{t("unit.kcal", { n: dish.kcal })}</dd></div>
            <div><dt><Icon name="clock" size="1.7rem" />{t("dish.cook")}</dt><dd class="num">{cookTime(dish.cook_s)}</dd></div>
          </dl>
          <div class="sheet-allergens">
            <Icon name={dish.allergens.length ? "alert" : "leaf"} size="1.8rem" />
            <span>{dish.allergens.length ? <><b>{t("dish.contains")}:</b> {dish.allergens.map((one) => tCode("allergen", one)).join(", ")}</> : t("menu.no.allergens")}</span>
          </div>
          {dish.available ? (
            <div class="sheet-foot">
              <Stepper dish={dish} quantity={quantity} least={1} onChange={setWanted} />
              <button type="button" class="btn btn-main" onClick={add}>
                <span>{t("dish.add")}</span><span class="num">{money(dish.price_minor * quantity, currency.value, lang.value)}</span>
              </button>
            </div>
          ) : (
            <p class="notice notice-alert"><Icon name="alert" size="2rem" /><span>{say(dish.reason) || t("menu.soldout")}</span></p>
          )}
        </div>
      </div>
    </dialog>
  );
}
