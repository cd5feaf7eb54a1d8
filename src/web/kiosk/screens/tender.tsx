import { hasCode, lang, say, t, tCode } from "../../shared/i18n";
import { Icon, type IconName } from "../../shared/icons";
import { grouped, money } from "../../shared/money";
import { reachable } from "../../shared/client";
import { pay, withdraw } from "../checkout";
import { Frame, Notice, Title, TopBar } from "../parts";
import { guest, usePoints } from "../club";
import { backward, busy, currency, order, quote, store, total } from "../state";
import { ClosedNotice } from "./attract";

const icons: Record<string, IconName> = { sbp_qr: "qr", payme: "qr", click: "qr", card_terminal: "card", cash: "cash" };

export function TenderScreen() {
  const tenders = store.value?.tenders ?? [];
  const full = order.value?.due_minor ?? total.value;
  const points = spending();
  const due = full - points;
  // What is placed can be paid in any case.
  const closed = !order.value && store.value?.accepting.ok === false;
  const off = busy.value !== null || closed;
  const back = async () => {
    if (order.value) await withdraw("tender");
    if (!order.value) backward();
  };
  return (
    <Frame class="flow" top={<TopBar onBack={busy.value ? undefined : () => void back()} restart={!busy.value} />}>
      <main class="flow-body flow-centre">
        <Title>{t("tender.title")}</Title>
        <p class="due"><span>{t("tender.due")}</span>{points > 0 && <s class="num">{money(full, currency.value, lang.value)}</s>}<strong class="display num">{money(due, currency.value, lang.value)}</strong></p>
        <Points />
        <Notice />
        {closed && <ClosedNotice />}
        {tenders.every((one) => !one.available) && <p class="notice notice-alert" role="alert"><Icon name="alert" size="2rem" /><span>{t("tender.none")}</span></p>}
        <div class="tenders">
          {tenders.map((one) => (
            <button type="button" key={one.tender} class="tender" data-tender={one.tender} aria-disabled={!one.available || off} onClick={() => one.available && !off && void pay(one.tender)}>
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

/** The box keeps a part that points have paid already. */
const paidByPoints = () => order.value?.payments.some((one) => one.tender === "loyalty_points" && one.state === "captured") ?? false;

/** What points will take off, minor units. */
function spending(): number {
  return usePoints.value && !paidByPoints() ? (quote.value?.points?.spendable_minor ?? 0) : 0;
}

/** "Use N points": a switch, and what the order earns. */
function Points() {
  const points = quote.value?.points;
  if (!guest.value || !points) return null;
  const on = usePoints.value;
  const sum = money(points.spendable_minor, currency.value, lang.value);
  return (
    <div class="club-pay">
      {paidByPoints() ? <p class="club-spent"><Icon name="check" size="1.8rem" />{t("loyalty.spent", { n: points.spendable })}</p> : points.spendable > 0 && (
        <button type="button" class="toggle" role="switch" aria-checked={on} data-points disabled={busy.value !== null} onClick={() => (usePoints.value = !on)}>
          <Icon name="sparkle" size="2.6rem" />
          <span class="toggle-text"><strong>{t("loyalty.use", { n: points.spendable })}</strong><span>{t("loyalty.use.more", { sum, n: grouped(points.balance, lang.value) })}</span></span>
          <span class="toggle-state" aria-hidden="true"><i />{t(on ? "access.on" : "access.off")}</span>
        </button>
      )}
      {!on && points.earns > 0 && <p class="club-earns"><Icon name="plus" size="1.6rem" />{t("loyalty.earns", { n: points.earns })}</p>}
    </div>
  );
}
