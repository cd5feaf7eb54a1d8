// Pieces of the staff's screen: made for wet hands, so every target is at least 64 px and nothing hovers.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { money as spell } from "../shared/money";
import { clock as clockIn } from "../shared/zone";
import { Icon, type IconName } from "./icons";
import { lang, t } from "./say";
import { currency, now, store } from "./state";

export function money(minor: number): string {
  return spell(minor, currency.value, lang.value);
}

/** Hours and minutes of the store's clock, wherever this screen is. */
export function clock(at: number): string {
  return clockIn(at, store.value?.zone);
}

export function ago(at: number): string {
  const minutes = Math.max(0, Math.floor((now.value - at) / 60_000));
  if (minutes < 1) return t("ago.now");
  return minutes < 90 ? t("ago.min", { n: minutes }) : t("ago.h", { n: Math.round(minutes / 60) });
}

export function Button(props: {
  children: ComponentChildren;
  onClick: () => void;
  icon?: IconName;
  kind?: "main" | "calm" | "warn" | "plain";
  disabled?: boolean;
  class?: string;
  label?: string;
  pressed?: boolean;
}) {
  return (
    <button
      type="button"
      class={`btn btn-${props.kind ?? "calm"} ${props.class ?? ""}`}
      disabled={props.disabled}
      aria-label={props.label}
      aria-pressed={props.pressed}
      onClick={props.onClick}
    >
      {props.icon && <Icon name={props.icon} />}
      <span>{props.children}</span>
    </button>
  );
}

/** A sheet over the screen; Escape and the cross close it. */
export function Sheet(props: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; foot?: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`sheet${props.wide ? " sheet-wide" : ""}`}
      aria-label={props.title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="btn btn-plain btn-square" aria-label={t("close")} onClick={props.onClose}><Icon name="close" /></button>
      </header>
      <div class="sheet-body">{props.children}</div>
      {props.foot && <footer>{props.foot}</footer>}
    </dialog>
  );
}

/** Digits for thumbs. */
export function Keypad(props: { onDigit: (digit: string) => void; onErase: () => void; extra?: { label: string; digits: string }; disabled?: boolean }) {
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
  return (
    <div class="keypad" role="group" aria-label={t("keypad")}>
      {digits.map((digit) => <button type="button" key={digit} class="key num" disabled={props.disabled} onClick={() => props.onDigit(digit)}>{digit}</button>)}
      {props.extra
        ? <button type="button" class="key num" disabled={props.disabled} onClick={() => props.onDigit(props.extra?.digits ?? "")}>{props.extra.label}</button>
        : <span />}
      <button type="button" class="key num" disabled={props.disabled} onClick={() => props.onDigit("0")}>0</button>
      <button type="button" class="key" aria-label={t("erase")} disabled={props.disabled} onClick={props.onErase}><Icon name="erase" /></button>
    </div>
  );
}

export function Stepper(props: { value: number; name: string; min?: number; max?: number; onChange: (next: number) => void }) {
  const { value, min = 0, max = 99 } = props;
  return (
    <div class="stepper" role="group" aria-label={props.name}>
      <button type="button" aria-label={t("less", { name: props.name })} disabled={value <= min} onClick={() => props.onChange(value - 1)}><Icon name="minus" /></button>
      <output class="num">{value}</output>
      <button type="button" aria-label={t("more", { name: props.name })} disabled={value >= max} onClick={() => props.onChange(value + 1)}><Icon name="plus" /></button>
    </div>
  );
}

/** Reasons to tap instead of type; the last one takes words. */
export function Reasons(props: { reasons: string[]; value: string; onChange: (next: string) => void; label: string }) {
  return (
    <fieldset class="reasons">
      <legend>{props.label}</legend>
      <div>
        {props.reasons.map((one) => <Button key={one} kind="plain" pressed={props.value === one} onClick={() => props.onChange(one)}>{one}</Button>)}
      </div>
      <input
        type="text"
        class="field"
        maxLength={180}
        aria-label={t("reason.other")}
        placeholder={t("reason.other")}
        value={props.reasons.includes(props.value) ? "" : props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
    </fieldset>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
