// Taking money at the counter: cash with the change, a card at the terminal, a QR code on this screen.
import { useEffect, useState } from "preact/hooks";
import { Button, Keypad, money } from "./parts";
import { say, t, type Key } from "./say";
import { act, again, client, store, takeOrder } from "./state";
import { changeOf, handfuls } from "./cash";
import type { Payment } from "../shared/types";
import type { StaffOrder } from "./types";

const live: readonly string[] = ["registering", "waiting", "unclear"];

export function Pay({ order, onOrder }: { order: StaffOrder; onOrder: (next: StaffOrder) => void }) {
  const [busy, setBusy] = useState(false);
  const running = order.payments.find((one) => live.includes(one.state) && !one.withdrawn && one.tender !== "loyalty_points");
  const reread = async () => {
    const next = await client.get<StaffOrder>(`/orders/${order.id}`).catch(() => null);
    if (next) {
      takeOrder(next);
      onOrder(next);
    }
    again.orders();
  };
  const doing = async (work: () => Promise<unknown>) => {
    setBusy(true);
    await work();
    await reread();
    setBusy(false);
  };
  const start = (tender: string) => doing(() => act<Payment>("pay", `/orders/${order.id}/payments`, { tender }));
  const drop = () => running && doing(() => act<Payment>("cancel payment", `/payments/${running.id}/cancel`, {}));

  if (!running) {
    return (
      <div class="pay" aria-busy={busy}>
        <p class="pay-sum num">{money(order.due_minor)}</p>
        {(store.value?.tenders ?? []).map((one) => (
          <Button key={one.tender} kind="main" disabled={!one.available || busy} icon={one.tender === "cash" ? "cash" : one.tender === "card_terminal" ? "card" : "qr"} onClick={() => void start(one.tender)}>
            {t(`tender.${one.tender}` as Key)}{!one.available && <small>{say(one.reason)}</small>}
          </Button>
        ))}
      </div>
    );
  }
  return (
    <div class="pay" aria-busy={busy}>
      {running.tender === "cash" && <Cash due={running.amount_minor} busy={busy} onTaken={() => void doing(() => act<Payment>("confirm", `/payments/${running.id}/confirm`, {}))} />}
      {running.tender === "card_terminal" && <Card payment={running} busy={busy} onResult={(body) => void doing(() => act<Payment>("result", `/payments/${running.id}/result`, body))} />}
      {running.tender === "sbp_qr" && <Code payment={running} />}
      <Button kind="plain" icon="back" disabled={busy} onClick={() => void drop()}>{t("pay.other")}</Button>
    </div>
  );
}

function Cash({ due, busy, onTaken }: { due: number; busy: boolean; onTaken: () => void }) {
  const [given, setGiven] = useState("");
  const got = Number(given || 0) * 100;
  const change = changeOf(due, got);
  return (
    <>
      <div class="handfuls" role="group" aria-label={t("cash.given")}>
        {handfuls(due).map((minor) => <Button key={minor} kind="plain" pressed={got === minor} onClick={() => setGiven(String(minor / 100))}>{money(minor)}</Button>)}
      </div>
      <p class="cash-row"><span>{t("cash.given")}</span><b class="num">{money(got)}</b></p>
      <p class={`cash-row cash-change${change === null ? " short" : ""}`} role="status"><span>{t(change === null ? "cash.short" : "cash.change")}</span><b class="num" data-change>{money(change ?? due - got)}</b></p>
      <Keypad onDigit={(digit) => setGiven((before) => String(Number((before + digit).slice(0, 7))))} onErase={() => setGiven(given.slice(0, -1))} extra={{ label: "00", digits: "00" }} />
      <Button kind="main" icon="check" class="pay-go" disabled={busy || change === null} onClick={onTaken}>{t("cash.taken")}</Button>
    </>
  );
}

function Card({ payment, busy, onResult }: { payment: Payment; busy: boolean; onResult: (body: unknown) => void }) {
  const [operation, setOperation] = useState("");
  return (
    <>
      <p class="pay-sum num">{money(payment.amount_minor)}</p>
      <p>{t("card.more")}</p>
      <label class="find"><span>{t("card.operation")}</span><input class="field num" type="text" inputMode="numeric" maxLength={32} value={operation} onInput={(event) => setOperation(event.currentTarget.value.trim())} /></label>
      <Button kind="main" icon="check" disabled={busy || operation.length < 3} onClick={() => onResult({ result: "approved", external_id: operation, rrn: operation, amount_minor: payment.amount_minor })}>{t("card.approved")}</Button>
      <Button kind="calm" icon="close" disabled={busy} onClick={() => onResult({ result: "declined", external_id: operation || `counter-${payment.id}` })}>{t("card.declined")}</Button>
    </>
  );
}

function Code({ payment }: { payment: Payment }) {
  const [picture, setPicture] = useState("");
  const path = payment.qr?.svg_path.replace(/^\/api\/v1/, "");
  useEffect(() => {
    if (path) void client.text(path).then((svg) => setPicture(`data:image/svg+xml;utf8,${encodeURIComponent(svg)}`)).catch(() => undefined);
  }, [path]);
  return (
    <>
      <p class="pay-sum num">{money(payment.amount_minor)}</p>
      {picture ? <img class="qr" src={picture} alt={t("qr.alt")} /> : <p class="empty" role="status">{t("qr.preparing")}</p>}
      <p>{t(payment.state === "unclear" ? "qr.unclear" : "qr.more")}</p>
    </>
  );
}
