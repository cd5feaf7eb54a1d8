import { hasCode, lang, say, t, tCode } from "../../shared/i18n";
import { Icon, type IconName } from "../../shared/icons";
import { money } from "../../shared/money";
import { reachable } from "../../shared/client";
import { pay, withdraw } from "../checkout";
import { Frame, Notice, Title, TopBar } from "../parts";
import { backward, busy, currency, order, store, total } from "../state";
import { ClosedNotice } from "./attract";

const icons: Record<string, IconName> = { sbp_qr: "qr", payme: "qr", click: "qr", card_terminal: "card", cash: "cash" };

export function TenderScreen() {
  const tenders = store.value?.tenders ?? [];
  const due = order.value?.due_minor ?? total.value;
  const back = async () => {
    if (order.value) await withdraw("tender");
    if (!order.value) backward();
  };
  return (
    <Frame class="flow" top={<TopBar onBack={busy.value ? undefined : () => void back()} restart={!busy.value} />}>
      <main class="flow-body flow-centre">
        <Title>{t("tender.title")}</Title>
        <p class="due"><span>{t("tender.due")}</span><strong class="display num">{money(due, currency.value, lang.value)}</strong></p>
        <Notice />
        {!order.value && <ClosedNotice />}
        {tenders.every((one) => !one.available) && <p class="notice notice-alert" role="alert"><Icon name="alert" size="2rem" /><span>{t("tender.none")}</span></p>}
        <div class="tenders">
          {tenders.map((one) => (
            <button type="button" key={one.tender} class="tender" data-tender={one.tender} aria-disabled={!one.available || busy.value !== null} onClick={() => one.available && !busy.value && void pay(one.tender)}>
              <span class="tender-icon"><Icon name={icons[one.tender] ?? "card"} size="3rem" /></span>
              <span class="tender-text">
                <strong>{say(one.name)}</strong>
                {one.available
                  ? hasCode("tender", `${one.tender}.more`) && <span>{tCode("tender", `${one.tender}.more`)}</span>
                  : <span class="tender-why"><Icon name="alert" size="1.4rem" />{say(one.reason) || t("tender.unavailable")}</span>}
              </span>
              {one.available && <Icon name="next" size="2rem" />}
            </button>
          ))}
        </div>
        <div class="busy-slot" role="status">
          {busy.value && <p class="busy"><span class="spinner" aria-hidden="true" />{reachable.value ? t("busy.placing") : t("busy.retry")}</p>}
        </div>
      </main>
    </Frame>
  );
}
