// What the next guest sees: the food, what is on the stove, and the language. Touching a language starts an order.
import { useEffect, useRef, useState } from "preact/hooks";
import { Kitchen, Mark } from "../../shared/art/Kitchen";
import { boxNow } from "../../shared/client";
import { untilText } from "../../shared/dates";
import { Icon, type IconName } from "../../shared/icons";
import { hasCode, lang, languageNames, languages, say, setLang, t, tCode } from "../../shared/i18n";
import { money } from "../../shared/money";
import type { Accepting, Dish, Lang } from "../../shared/types";
import { cooking } from "../kitchen";
import { still } from "../modes";
import { DishPicture, HelpBar } from "../parts";
import { currency, forward, menu, sheet, store } from "../state";

const SLIDE_MS = 7000;
const HOLD_MS = 1200;

export function Attract() {
  const [at, setAt] = useState(0);
  useEffect(() => {
    const beat = setInterval(() => setAt((n) => n + 1), SLIDE_MS);
    return () => clearInterval(beat);
  }, []);
  // Each slide speaks the next language, so that everybody is spoken to before a language is chosen.
  const speech = languages[at % languages.length] ?? lang.value;
  const accepting = store.value?.accepting;
  const open = accepting?.ok !== false;
  const choice = useRef<HTMLDivElement>(null);
  const begin = (code: Lang) => {
    setLang(code);
    forward();
  };
  // A touch beside the buttons shows where to touch.
  const hint = () => {
    const box = choice.current;
    if (!box) return;
    box.querySelector<HTMLButtonElement>("button")?.focus();
    if (!still()) box.animate([{ transform: "scale(1)" }, { transform: "scale(1.035)" }, { transform: "scale(1)" }], { duration: 420 });
  };
  return (
    <div class={`attract${open ? "" : " attract-closed"}`}>
      <header class="attract-brand">
        <StaffDoor />
        <span class="display">Galley</span><small>{say(store.value?.name)}</small>
      </header>
      <div class="attract-show" onClick={hint}>{open ? <Show at={at} speech={speech} /> : <div class="attract-art"><div class="attract-speckle" /><Kitchen /></div>}</div>
      <main class="attract-panel">
        {accepting && !open ? <Closed accepting={accepting} /> : (
          <>
            <div class="attract-words" lang={speech}>
              <h1>{t("attract.title", {}, speech)}</h1>
              <p class="attract-sub">{t("attract.sub", {}, speech)}</p>
              <NowCooking speech={speech} />
            </div>
            <div class="attract-langs" role="group" aria-label={t("attract.choose")} ref={choice}>
              {languages.map((code) => (
                <button type="button" key={code} lang={code} class="attract-lang" onClick={() => begin(code)}>
                  <strong>{languageNames[code]}</strong>
                  <span>{t("attract.start", {}, code)}</span>
                </button>
              ))}
            </div>
          </>
        )}
      </main>
      <HelpBar />
    </div>
  );
}

/** Dishes that can be had now, one after another. */
function Show({ at, speech }: { at: number; speech: Lang }) {
  const dishes = (menu.value?.dishes ?? []).filter((dish) => dish.available);
  const dish = dishes[at % Math.max(1, dishes.length)];
  if (!dish) return <div class="attract-art"><Kitchen /></div>;
  return <Slide key={dish.id} dish={dish} speech={speech} />;
}

function Slide({ dish, speech }: { dish: Dish; speech: Lang }) {
  return (
    <div class="slide" aria-hidden="true">
      <div class="slide-picture"><DishPicture dish={dish} sizes="100vw" /></div>
      <p class="slide-name"><span class="display">{say(dish.name, speech)}</span><span class="slide-price num">{money(dish.price_minor, currency.value, speech)}</span></p>
    </div>
  );
}

function NowCooking({ speech }: { speech: Lang }) {
  const minutes = store.value?.promises_min;
  const names = [...new Set(cooking.value.map((one) => say(one.name, speech)))].slice(0, 2);
  if (names.length === 0 && !minutes) return null;
  return (
    <p class="attract-now">
      {names.length > 0 && <span><span class="flame" aria-hidden="true"><Icon name="flame" size="1.6rem" /></span><span>{t("attract.cooking", {}, speech)}: <b>{names.join(", ")}</b></span></span>}
      {minutes ? <span><Icon name="clock" size="1.6rem" />{t("attract.wait", { n: minutes }, speech)}</span> : null}
    </p>
  );
}

const closedIcons: Record<string, IconName> = { shift: "clock", fiscal_drive: "receipt", robot: "robot", menu: "book", cleaning: "sparkle", hours: "clock", disk: "power", paused: "clock", printer: "printer" };

/** The box's own words, else ours for the same cause, else that orders can't be taken. */
export function closedReason(accepting: Accepting, to: Lang): string {
  const slug = accepting.slug ?? "";
  return say(accepting.reason, to) || (hasCode("closed", slug) ? tCode("closed", slug, to) : t("closed.title", {}, to));
}

function closedUntil(accepting: Accepting, to: Lang): string {
  const at = accepting.until_at;
  return at && at > boxNow() ? t("closed.until", { until: untilText(at, boxNow(), store.value?.zone, to) }, to) : t("closed.more", {}, to);
}

function Closed({ accepting }: { accepting: Accepting }) {
  const order = [lang.value, ...languages.filter((code) => code !== lang.value)];
  return (
    <>
      <span class="roundel roundel-warn closed-icon"><Icon name={closedIcons[accepting.slug ?? ""] ?? "clock"} size="4rem" /></span>
      <h1>{t("closed.title")}</h1>
      <div class="closed-reasons" role="status" data-slug={accepting.slug ?? ""}>
        {order.map((code) => (
          <p key={code} lang={code}><b aria-hidden="true">{code.toUpperCase()}</b><span><strong>{closedReason(accepting, code)}</strong><span>{closedUntil(accepting, code)}</span></span></p>
        ))}
      </div>
    </>
  );
}

/** The staff's corner: held with a finger, or pressed with a key. A guest's short touch does nothing. */
function StaffDoor() {
  const held = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const openDoor = () => (sheet.value = "staff");
  const release = () => clearTimeout(held.current);
  return (
    <button
      type="button"
      class="staff-door"
      aria-label={t("staff.open")}
      onPointerDown={() => { held.current = setTimeout(openDoor, HOLD_MS); }}
      onPointerUp={release}
      onPointerLeave={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onClick={(event) => event.detail === 0 && openDoor()}
    ><Mark size="100%" /></button>
  );
}

/** For a guest who was choosing when the store stopped taking orders. */
export function ClosedNotice() {
  const accepting = store.value?.accepting;
  if (!accepting || accepting.ok) return null;
  return (
    <p class="notice notice-alert closed-notice" role="alert" data-slug={accepting.slug ?? ""}>
      <Icon name={closedIcons[accepting.slug ?? ""] ?? "clock"} size="2rem" />
      <span><strong>{closedReason(accepting, lang.value)}</strong> {closedUntil(accepting, lang.value)} {t("closed.kept")}</span>
    </p>
  );
}
