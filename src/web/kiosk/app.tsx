import { t } from "../shared/i18n";
import { reachable } from "../shared/client";
import { Mark } from "../shared/art/Kitchen";
import { askSeconds, leave, secondsLeft, stay } from "./idle";
import { useDialog } from "./parts";
import { atStake, client, menu, opened, order, dishes, paired, paying, screen, spoken, store } from "./state";
import { Attract } from "./screens/attract";
import { CartScreen } from "./screens/cart";
import { ContactScreen } from "./screens/contact";
import { DishSheet } from "./screens/dish";
import { LoyaltyScreen } from "./screens/loyalty";
import { MenuScreen } from "./screens/menu";
import { Pairing } from "./screens/pairing";
import { PayScreen } from "./screens/pay";
import { ReceiptScreen } from "./screens/receipt";
import { ServiceScreen } from "./screens/service";
import { SuggestScreen } from "./screens/suggest";
import { TenderScreen } from "./screens/tender";
import { TicketScreen } from "./screens/ticket";
import { Sheets } from "./sheets";

export function App() {
  return (
    <>
      <div class="reach-top" aria-hidden="true"><Mark size="5rem" /></div>
      <div class="stage" data-screen={screen.value}><Stage /></div>
    </>
  );
}

function Stage() {
  if (!client.token || !(paired.value || atStake.value)) return <Pairing />;
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
      <OpenDish />
      <Sheets />
      {secondsLeft.value !== null && !paying.value && <IdleQuestion left={secondsLeft.value} />}
      <div class="hidden-visually" role="status" aria-live="polite">{spoken.value}</div>
    </>
  );
}

function Current() {
  switch (screen.value) {
    case "attract": return <Attract />;
    case "service": return <ServiceScreen />;
    case "menu": return <MenuScreen />;
    case "suggest": return <SuggestScreen />;
    case "cart": return <CartScreen />;
    case "loyalty": return <LoyaltyScreen />;
    case "contact": return <ContactScreen />;
    case "receipt": return <ReceiptScreen />;
    case "tender": return <TenderScreen />;
    case "pay": return order.value ? <PayScreen order={order.value} /> : <MenuScreen />;
    case "ticket": return order.value ? <TicketScreen order={order.value} /> : <MenuScreen />;
  }
}

function OpenDish() {
  const now = opened.value;
  const dish = now && dishes.value.get(now.dish);
  return now && dish ? <DishSheet key={`${now.dish} ${now.line ?? ""}`} dish={dish} line={now.line} /> : null;
}

export function Standby(props: { title: string; more: string }) {
  return (
    <main class="standby">
      <Mark size="6rem" />
      <h1>{props.title}</h1>
      <p>{props.more}</p>
    </main>
  );
}

function IdleQuestion({ left }: { left: number }) {
  const dialog = useDialog();
  const whole = askSeconds();
  return (
    <dialog ref={dialog} class="sheet idle" aria-labelledby="idle-title" onCancel={stay}>
      <svg class="idle-ring" viewBox="0 0 100 100" aria-hidden="true">
        <circle class="idle-ring-back" cx="50" cy="50" r="44" fill="none" stroke-width="9" />
        <circle class="idle-ring-left" cx="50" cy="50" r="44" fill="none" stroke-width="9" stroke-linecap="round" pathLength={whole} stroke-dasharray={`${left} ${whole}`} transform="rotate(-90 50 50)" />
        <text x="50" y="63" text-anchor="middle">{left}</text>
      </svg>
      <h2 id="idle-title">{t("idle.title")}</h2>
      <p>{t("idle.more", { n: left })}</p>
      <div class="actions">
        <button type="button" class="btn btn-quiet" onClick={leave}>{t("idle.leave")}</button>
        <button type="button" class="btn btn-main" autofocus onClick={stay}>{t("idle.stay")}</button>
      </div>
    </dialog>
  );
}
