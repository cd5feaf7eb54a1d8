// Pieces shared by the kiosk's screens.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { languageNames, languages, lang, setLang, t } from "../shared/i18n";
import { Icon } from "../shared/icons";
import { Mark } from "../shared/art/Kitchen";
import type { Dish } from "../shared/types";
import { MOST_OF_ONE_DISH, setQuantity } from "./state";
import { say } from "../shared/i18n";

/** A screen's name. It takes the focus when the screen opens, so that keyboards and readers start at its top. */
export function Title(props: { children: ComponentChildren; class?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return <h1 ref={heading} tabIndex={-1} class={props.class}>{props.children}</h1>;
}

export function TopBar(props: { onBack?: (() => void) | undefined; backLabel?: string; children?: ComponentChildren; onHome?: () => void }) {
  return (
    <header class="topbar">
      {props.onBack ? (
        <button type="button" class="btn btn-round" onClick={props.onBack}>
          <Icon name="back" size="1.8rem" />
          <span>{props.backLabel ?? t("back")}</span>
        </button>
      ) : (
        <div class="brand"><Mark size="3.4rem" /><span class="display">Galley</span></div>
      )}
      <div class="topbar-middle">{props.children}</div>
      <LanguageSwitch />
      {props.onHome && (
        <button type="button" class="btn btn-round btn-icon" aria-label={t("start.over")} title={t("start.over")} onClick={props.onHome}>
          <Icon name="restart" size="1.8rem" />
        </button>
      )}
    </header>
  );
}

export function LanguageSwitch() {
  return (
    <div class="langs" role="group" aria-label={t("lang.choose")}>
      {languages.map((code) => (
        <button type="button" key={code} lang={code} class="lang" aria-pressed={lang.value === code} aria-label={`${code.toUpperCase()} ${languageNames[code]}`} onClick={() => setLang(code)}>
          {code.toUpperCase()}
        </button>
      ))}
    </div>
  );
}

export function Stepper(props: { dish: Dish; quantity: number; least?: number; onChange?: (quantity: number) => void; removable?: boolean }): JSX.Element {
  const { dish, quantity } = props;
  const change = props.onChange ?? ((next: number) => setQuantity(dish, next));
  const name = say(dish.name);
  return (
    <div class="stepper" role="group" aria-label={name}>
      <button type="button" aria-label={t("qty.less", { name })} disabled={quantity <= (props.least ?? 0)} onClick={() => change(quantity - 1)}>
        <Icon name={props.removable && quantity === 1 ? "trash" : "minus"} size="1.7rem" />
      </button>
      <output class="num" aria-live="polite" aria-label={t("qty.now", { n: quantity })}>{quantity}</output>
      <button type="button" aria-label={t("qty.more", { name })} disabled={quantity >= MOST_OF_ONE_DISH || !dish.available} onClick={() => change(quantity + 1)}>
        <Icon name="plus" size="1.7rem" />
      </button>
    </div>
  );
}
