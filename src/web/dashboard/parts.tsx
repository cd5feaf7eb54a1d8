// What the pages are made of.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../shared/icons";
import { Refusal } from "./api";
import { exact, moment, saysZone, since, span, there } from "./format";
import { say, t, word } from "./say";
import { tell } from "./state";
import type { Condition } from "./types";

export const signs: Record<Condition, IconName> = { offline: "offline", blocked: "close", alert: "alert", lagging: "clock", paused: "cash", barred: "lock", warning: "bell", new: "plus", ok: "check", closed: "lock" };

export function State({ of, small = false }: { of: Condition; small?: boolean }) {
  return <span class={`state state-${of}${small ? " state-small" : ""}`}><Icon name={of === "paused" ? "clock" : signs[of]} size="1rem" />{word("state", of)}</span>;
}

/** A store's title, and its id where that is another word. */
export function Named({ id, name }: { id: string; name: string }) {
  return <>{say(name)}{name !== id && <small class="soft"> {id}</small>}</>;
}

/** A time, with the exact one on demand; by the store's clock where its zone is given. */
export function When({ at, plain = false, bare = false, zone }: { at: number; plain?: boolean; bare?: boolean; zone?: string }) {
  return <time class="num" dateTime={new Date(at).toISOString()} title={`${moment(at, zone)} (${exact(at, zone)})${saysZone(zone, at)}`}>{plain ? moment(at, zone) : bare && there() - at >= 5000 ? span(there() - at) : since(at)}</time>;
}

/** The last 24 hours, a mark for each quarter of an hour. */
export function Strip({ signs: line, tall = false, zone }: { signs: string; tall?: boolean; zone?: string }) {
  const heard = [...line].filter((one) => one !== "-").length;
  const gaps = [...line].filter((one) => one === "g").length;
  const runs: { sign: string; from: number; length: number }[] = [];
  [...line].forEach((sign, at) => {
    const last = runs.at(-1);
    if (last && last.sign === sign) last.length += 1;
    else runs.push({ sign, from: at, length: 1 });
  });
  const end = Math.floor(there() / 900_000) * 900_000;
  const hour = (index: number) => exact(end - (line.length - 1 - index) * 900_000, zone).slice(0, 5);
  const ticks = tall ? [0, 24, 48, 72, line.length - 1] : [];
  return (
    <span class={`strip${tall ? " strip-tall" : ""}`} role="img" aria-label={t("strip.label", { heard: Math.round((heard / line.length) * 100), gaps })}>
      <svg viewBox={`0 0 ${line.length} 10`} preserveAspectRatio="none" aria-hidden="true">
        {runs.map((run) => <rect key={run.from} class={`sign-${run.sign === "-" ? "none" : run.sign}`} x={run.from} y={run.sign === "-" ? 7 : 0} width={run.length} height={run.sign === "-" ? 3 : 10}><title>{`${hour(run.from)}–${hour(run.from + run.length)}: ${word("sign", run.sign === "-" ? "none" : run.sign)}`}</title></rect>)}
      </svg>
      {tall && <span class="strip-hours num" aria-hidden="true">{ticks.map((at) => <i key={at}>{hour(at)}</i>)}</span>}
    </span>
  );
}

export function Head({ title, sub, children }: { title: ComponentChildren; sub?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="head">
      <div><h1 tabIndex={-1}>{title}</h1>{sub && <p class="soft">{sub}</p>}</div>
      {children && <div class="head-side">{children}</div>}
    </div>
  );
}

export function Empty({ title, children, icon = "check" }: { title: string; children?: ComponentChildren; icon?: IconName }) {
  return <div class="empty"><Icon name={icon} size="2.4rem" /><p class="display">{title}</p>{children && <p>{children}</p>}</div>;
}

/** Nothing is there yet: what is on its way has its room. */
export function Waiting({ lines = 4 }: { lines?: number }) {
  return <div class="waiting" role="status"><span class="hidden-visually">{t("loading")}</span>{Array.from({ length: lines }, (_, n) => <i key={n} />)}</div>;
}

export function Refused({ text }: { text: string }) {
  return <p class="refused" role="alert"><Icon name="alert" size="1.2rem" />{text}</p>;
}

export function Choice<T extends string>({ label, value, options, onChoose }: { label: string; value: T; options: [T, ComponentChildren][]; onChoose(value: T): void }) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([id, text]) => <button type="button" key={id} aria-pressed={value === id} onClick={() => onChoose(id)}>{text}</button>)}
    </div>
  );
}

export function Select({ label, value, options, onChoose }: { label: string; value: string; options: [string, string][]; onChoose(value: string): void }) {
  return (
    <label class="select"><span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>{options.map(([id, text]) => <option key={id} value={id}>{text}</option>)}</select>
    </label>
  );
}

export function Search({ label, value, onSearch }: { label: string; value: string; onSearch(text: string): void }) {
  const later = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <label class="search"><span class="hidden-visually">{label}</span>
      <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"><path d="M10.500 4a6.500 6.500 0 1 0 0 13a6.500 6.500 0 0 0 0-13zM15.500 15.500L20 20" /></svg>
      <input type="search" value={text} placeholder={label} onInput={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        clearTimeout(later.current);
        later.current = setTimeout(() => onSearch(typed), 250);
      }} />
    </label>
  );
}

export function Button({ kind = "plain", icon, onClick, children, disabled = false, type = "button" }: { kind?: "plain" | "main" | "warn" | "quiet"; icon?: IconName; onClick?(): void; children: ComponentChildren; disabled?: boolean; type?: "button" | "submit" }) {
  return <button type={type} class={`btn btn-${kind}`} disabled={disabled} onClick={onClick}>{icon && <Icon name={icon} size="1.1rem" />}{children}</button>;
}

export function Csv({ href }: { href: string }) {
  return <a class="btn btn-quiet" href={href} download><Icon name="down" size="1rem" />CSV</a>;
}

/** A question before something happens, or a form. */
export function Dialog({ title, onClose, children, wide = false }: { title: string; onClose(): void; children: ComponentChildren; wide?: boolean }) {
  const shown = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = shown.current;
    const back = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => {
      dialog?.close();
      back?.focus?.();
    };
  }, []);
  return (
    <dialog ref={shown} class={wide ? "wide" : ""} aria-labelledby="dialog-title" onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => { if (event.target === shown.current) onClose(); }}>
      <div class="dialog">
        <header><h2 id="dialog-title">{title}</h2><button type="button" class="btn btn-quiet btn-square" aria-label={t("close")} onClick={onClose}><Icon name="close" size="1.2rem" /></button></header>
        {children}
      </div>
    </dialog>
  );
}

export function Field({ label, help, children }: { label: string; help?: string; children: ComponentChildren }) {
  return <label class="field"><span>{label}</span>{children}{help && <small>{help}</small>}</label>;
}

/** Runs an act of a person, once at a time, and says what came of it. */
export function useAct(): [boolean, (act: () => Promise<unknown>, done?: string) => Promise<boolean>] {
  const [busy, setBusy] = useState(false);
  return [busy, async (act, done) => {
    if (busy) return false;
    setBusy(true);
    try {
      await act();
      if (done) tell(done);
      return true;
    } catch (error) {
      tell(error instanceof Refusal ? [error.message, ...error.faults].join("\n") : t("unreachable"), true);
      return false;
    } finally {
      setBusy(false);
    }
  }];
}

