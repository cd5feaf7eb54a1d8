// Pieces shared by the kiosk's screens.
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { DishPicture } from "../shared/art/DishPicture";
import { Mark } from "../shared/art/Kitchen";
import { languageNames, languages, lang, say, setLang, t, tCode } from "../shared/i18n";
import { Icon, type IconName } from "../shared/icons";
import { money } from "../shared/money";
import type { Dish } from "../shared/types";
import { MOST_OF_ONE_DISH } from "./cart";
import { reset } from "./checkout";
import { avoided, count, currency, notice, sheet } from "./state";

/** A screen's name. It takes the focus as the screen opens, so that keyboards and readers start at its top: with the
 * screen, not a frame later, when a quick hand may have moved on already and would be thrown back. */
export function Title(props: { children: ComponentChildren; class?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return <h1 ref={heading} tabIndex={-1} class={props.class}>{props.children}</h1>;
}

/** A whole screen: a bar above, its content, a bar below if it has one, and the help that every screen has. */
export function Frame(props: { class?: string; top: JSX.Element; bottom?: JSX.Element; children: ComponentChildren }) {
  return (
    <div class={`screen ${props.class ?? ""}`}>
      {props.top}
      {props.children}
      <div class="feet">
        {props.bottom}
        <HelpBar />
      </div>
    </div>
  );
}

export function TopBar(props: { onBack?: (() => void) | undefined; backLabel?: string; children?: ComponentChildren; restart?: boolean }) {
  return (
    <header class="topbar">
      {props.onBack ? (
        <button type="button" class="btn btn-round" data-back onClick={props.onBack}>
          <Icon name="back" size="1.8rem" />
          <span>{props.backLabel ?? t("back")}</span>
        </button>
      ) : (
        <div class="brand"><Mark size="3.2rem" /><span class="display">Galley</span></div>
      )}
      <div class="topbar-middle">{props.children}</div>
      <LanguageSwitch />
      {props.restart && (
        <button type="button" class="btn btn-round btn-icon" aria-label={t("start.over")} title={t("start.over")} onClick={() => (count.value > 0 ? (sheet.value = "restart") : reset())}>
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

export function HelpBar() {
  const without = [...avoided.value].map((id) => tCode("allergen", id)).join(", ");
  const helps: [NonNullable<typeof sheet.value>, IconName, string][] = [
    ["access", "access", t("access.open")],
    ["avoid", "leaf", without ? t("avoid.on", { list: without }) : t("avoid.open")],
    ["call", "bell", t("call.open")],
  ];
  return (
    <nav class="helpbar" aria-label={t("help.bar")}>
      {helps.map(([id, icon, label]) => (
        <button type="button" key={id} class={`help${id === "avoid" && without ? " help-on" : ""}`} data-help={id} onClick={() => (sheet.value = id)}>
          <Icon name={icon} size="1.7rem" /><span>{label}</span>
        </button>
      ))}
    </nav>
  );
}

export function Stepper(props: { dish: Dish; quantity: number; least?: number; onChange: (quantity: number) => void; removable?: boolean }): JSX.Element {
  const { dish, quantity } = props;
  const name = say(dish.name);
  return (
    <div class="stepper" role="group" aria-label={name}>
      <button type="button" aria-label={t("qty.less", { name })} disabled={quantity <= (props.least ?? 0)} onClick={() => props.onChange(quantity - 1)}>
        <Icon name={props.removable && quantity === 1 ? "trash" : "minus"} size="1.7rem" />
      </button>
      <output class="num" aria-live="polite" aria-label={t("qty.now", { n: quantity })}>{quantity}</output>
      <button type="button" aria-label={t("qty.more", { name })} disabled={quantity >= MOST_OF_ONE_DISH || !dish.available} onClick={() => props.onChange(quantity + 1)}>
        <Icon name="plus" size="1.7rem" />
      </button>
    </div>
  );
}

/** Something over the screen that is answered or closed. Escape, the cross and a touch beside it close it. */
export function Sheet(props: { id: string; class?: string; title: string; lead?: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useDialog();
  const name = `${props.id}-title`;
  return (
    <dialog ref={dialog} class={`sheet ${props.class ?? ""}`} data-sheet={props.id} aria-labelledby={name} onClose={props.onClose} onClick={(event) => event.target === dialog.current && props.onClose()}>
      <div class="sheet-plain">
        <div class="sheet-head">
          <h2 id={name}>{props.title}</h2>
          <CloseButton onClose={props.onClose} />
        </div>
        {props.lead && <p class="sheet-lead">{props.lead}</p>}
        {props.children}
      </div>
    </dialog>
  );
}

/** A question before something that can't be taken back. Whatever closes it is the answer that changes nothing. */
export function Question(props: { id: string; title: string; lead?: string; stay: string; onStay: () => void; go: string; onGo: () => void }) {
  return (
    <Sheet id={props.id} class="sheet-question" title={props.title} {...(props.lead ? { lead: props.lead } : {})} onClose={props.onStay}>
      <div class="actions">
        <button type="button" class="btn btn-quiet" data-go onClick={props.onGo}>{props.go}</button>
        <button type="button" class="btn btn-main" autofocus onClick={props.onStay}>{props.stay}</button>
      </div>
    </Sheet>
  );
}

export function CloseButton(props: { onClose: () => void }) {
  return <button type="button" class="btn btn-round btn-icon sheet-close" aria-label={t("close")} onClick={props.onClose}><Icon name="close" size="1.9rem" /></button>;
}

/** A dialog that is open as long as it is there. */
export function useDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const box = dialog.current;
    if (box && !box.open) box.showModal();
    return () => box?.close();
  }, []);
  return dialog;
}

export function Notice() {
  const now = notice.value;
  return (
    <div class="notice-slot" role="alert">
      {now && (
        <p class={`notice notice-${now.tone}`}>
          <Icon name={now.tone === "alert" ? "alert" : "shield"} size="2rem" />
          <span>{say(now.text)}</span>
        </p>
      )}
    </div>
  );
}

export function price(minor: number): string {
  return money(minor, currency.value, lang.value);
}

export { DishPicture };
