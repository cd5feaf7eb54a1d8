import { useState } from "preact/hooks";
import { say, t, tCode } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import type { Chosen, Dish, DishChoice, DishOption } from "../../shared/types";
import { conflicts, contains, fittingOptions } from "../allergens";
import { addDish, changeLine } from "../basket";
import { isChosen, standardOptions, toggle, unitPrice, unmet } from "../cart";
import { CloseButton, DishPicture, price, Stepper, useDialog } from "../parts";
import { avoided, cart, opened } from "../state";
import { cookTime, soldOut } from "./menu";

/** One dish with all there is to know and to choose; with `line`, a line of the cart that is being changed. */
export function DishSheet({ dish, line: key }: { dish: Dish; line?: number | undefined }) {
  const dialog = useDialog();
  const line = cart.value.find((one) => one.key === key);
  const [quantity, setWanted] = useState(line?.quantity ?? 1);
  const [options, setOptions] = useState<Chosen[]>(() => line ? stillThere(dish, line.options) : fittingOptions(dish, avoided.value));
  const close = () => (opened.value = null);
  const ready = unmet(dish, options).length === 0;
  const inside = contains(dish, options);
  const bad = conflicts(dish, avoided.value, options);
  const done = () => {
    if (key !== undefined && line) changeLine(key, dish, options, quantity);
    else addDish(dish, options, quantity);
    close();
  };
  return (
    <dialog ref={dialog} class="sheet sheet-dish" data-sheet="dish" aria-labelledby="sheet-name" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="sheet-body">
        <div class="sheet-art"><DishPicture dish={dish} sizes="(orientation: portrait) 94vw, 50vw" /></div>
        <CloseButton onClose={close} />
        <div class="sheet-text">
          <h2 id="sheet-name">{say(dish.name)}</h2>
          <p class="sheet-about">{say(dish.description)}</p>
          <dl class="facts">
            <div><dt><Icon name="weight" size="1.7rem" />{t("dish.weight")}</dt><dd class="num">{t("unit.g", { n: dish.weight_g })}</dd></div>
            <div><dt><Icon name="flame" size="1.7rem" />{t("dish.energy")}</dt><dd class="num">{t("unit.kcal", { n: dish.kcal })}</dd></div>
            <div><dt><Icon name="clock" size="1.7rem" />{t("dish.cook")}</dt><dd class="num">{cookTime(dish.cook_s)}</dd></div>
          </dl>
          {(dish.composition?.length ?? 0) > 0 && <p class="sheet-made"><b>{t("dish.composition")}:</b> {dish.composition?.map((one) => say(one)).join(", ")}</p>}
          <div class={`sheet-allergens${bad.length > 0 ? " sheet-allergens-bad" : ""}`} role="status">
            <Icon name={inside.length > 0 ? "alert" : "leaf"} size="1.8rem" />
            <span>
              {inside.length > 0 ? <><b>{t("dish.contains")}:</b> {inside.map((one) => tCode("allergen", one)).join(", ")}</> : t("menu.no.allergens")}
              {bad.length > 0 && <strong>{t("avoid.warn", { list: bad.map((one) => tCode("allergen", one)).join(", ") })}</strong>}
            </span>
          </div>
          {dish.available && dish.options?.map((option) => <Option key={option.id} option={option} options={options} onChange={setOptions} />)}
        </div>
        {dish.available ? (
          <div class="sheet-foot">
            <Stepper dish={dish} quantity={quantity} least={1} onChange={setWanted} />
            <button type="button" class="btn btn-main" disabled={!ready} onClick={done}>
              <span>{t(line ? "dish.save" : "dish.add")}</span><span class="num">{price(unitPrice(dish, options) * quantity)}</span>
            </button>
          </div>
        ) : (
          <div class="sheet-foot"><p class="notice notice-alert"><Icon name="alert" size="2rem" /><span>{soldOut(dish)}</span></p></div>
        )}
      </div>
    </dialog>
  );
}

/** Of the choices of a line, those that can still be had; what must be chosen and is gone falls back to the standard. */
function stillThere(dish: Dish, options: readonly Chosen[]): Chosen[] {
  const kept = options.filter(({ option, choice }) => dish.options?.find((one) => one.id === option)?.choices.find((one) => one.id === choice)?.available);
  const lacking = new Set(unmet(dish, kept).map((one) => one.id));
  return [...kept.filter((one) => !lacking.has(one.option)), ...standardOptions(dish).filter((one) => lacking.has(one.option))];
}

function Option({ option, options, onChange }: { option: DishOption; options: Chosen[]; onChange: (options: Chosen[]) => void }) {
  const one = option.max <= 1 && option.min === 1;
  return (
    <fieldset class="option" data-option={option.id}>
      <legend><strong>{say(option.name)}</strong> <span>{one ? t("option.one") : option.max > 1 ? t("option.some", { n: option.max }) : ""}</span></legend>
      <div class="choices-row">
        {option.choices.map((choice) => (
          <label key={choice.id} class={`pick${choice.available ? "" : " pick-out"}`}>
            <input
              type={one ? "radio" : "checkbox"}
              name={option.id}
              data-choice={choice.id}
              checked={isChosen(options, option.id, choice.id)}
              disabled={!choice.available}
              onChange={(event) => {
                const next = toggle(options, option, choice.id);
                onChange(next);
                // A choice that may not be laid back, or is one too many, keeps its mark.
                event.currentTarget.checked = isChosen(next, option.id, choice.id);
              }}
            />
            <span class="pick-mark" aria-hidden="true"><Icon name="check" size="1.4rem" /></span>
            <span class="pick-name">{say(choice.name)}{!choice.available && <small>{say(choice.reason) || t("option.none")}</small>}</span>
            <span class="pick-price num">{surcharge(choice)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function surcharge(choice: DishChoice): string {
  if (choice.price_minor === 0) return "";
  return choice.price_minor > 0 ? `+${price(choice.price_minor)}` : price(choice.price_minor);
}
