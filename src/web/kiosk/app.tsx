import { useEffect, useRef } from "preact/hooks";
import { client, menu, notice, order, paying, screen, spoken, store } from "./state";
import { reachable } from "../shared/client";
import { say, t } from "../shared/i18n";
import { Mark } from "../shared/art/Kitchen";
import { Icon } from "../shared/icons";
import { leave, QUESTION_S, secondsLeft, stay } from "./idle";
import { Attract } from "./screens/attract";
import { CartScreen } from "./screens/cart";
import { MenuScreen } from "./screens/menu";
import { PayScreen } from "./screens/pay";
import { PhoneScreen } from "./screens/phone";
import { ServiceScreen } from "./screens/service";
import { TenderScreen } from "./screens/tender";
import { TicketScreen } from "./screens/ticket";

export function App() {
  if (!client.token) return <Standby title={t("token.missing")} more={t("token.missing.more")} />;
  if (!store.value || !menu.value) return <Standby title={t("conn.starting")} more={t("conn.starting.more")} />;
  return (
    <>
      {!reachable.value && (
        <div class="ribbon" role="status">
          <span class="spinner" aria-hidden="true" />
          {t("conn.lost")}
        </div>
      )}
      <Current />
      <IdleQuestion />
      <div class="hidden-visually" role="status" aria-live="polite">{spoken.value}</div>
    </>
  );
}

function Current() {
  switch (screen.value) {
    case "attract": return <Attract />;
    case "menu": return <MenuScreen />;
    case "cart": return <CartScreen />;
    case "service": return <ServiceScreen />;
    case "phone": return <PhoneScreen />;
    case "tender": return <TenderScreen />;
    case "pay": return order.value ? <PayScreen order={order.value} /> : <MenuScreen />;
    case "ticket": return order.value ? <TicketScreen order={order.value} /> : <MenuScreen />;
  }
}

function Standby(props: { title: string; more: string }) {
  return (
    <main class="standby">
      <Mark size="6rem" />
      <h1>{props.title}</h1>
      <p>{props.more}</p>
    </main>
  );
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

function IdleQuestion() {
  const dialog = useRef<HTMLDialogElement>(null);
  const left = secondsLeft.value;
  const open = left !== null && !paying.value;
  useEffect(() => {
    const box = dialog.current;
    if (!box) return;
    if (open && !box.open) box.showModal();
    if (!open && box.open) box.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="idle" aria-labelledby="idle-title" onCancel={stay}>
      {open && (
        <>
          <svg class="idle-ring" viewBox="0 0 100 100" aria-hidden="true">
            <circle cx="50" cy="50" r="44" fill="none" stroke="#e6d8bd" stroke-width="9" />
            <circle cx="50" cy="50" r="44" fill="none" stroke="#c2301a" stroke-width="9" stroke-linecap="round" pathLength={QUESTION_S} stroke-dasharray={`${left} ${QUESTION_S}`} transform="rotate(-90 50 50)" />
            <text x="50" y="63" text-anchor="middle">{left}</text>
          </svg>
          <h2 id="idle-title">{t("idle.title")}</h2>
          <p>{t("idle.more", { n: left })}</p>
          <div class="actions">
            <button type="button" class="btn btn-quiet" onClick={leave}>{t("idle.leave")}</button>
            <button type="button" class="btn btn-main" autofocus onClick={stay}>{t("idle.stay")}</button>
          </div>
        </>
      )}
    </dialog>
  );
}
