// Guests who call, and what needs a person: each with the act that mends it.
import { useState } from "preact/hooks";
import { Icon } from "../icons";
import { Button, Empty, Reasons, Sheet, ago } from "../parts";
import { maybe, t } from "../say";
import { act, again, calls, client, complain, isManager, isTechnician, opened, tab, takeOrder, tell, troubles } from "../state";
import type { Alert, StaffOrder } from "../types";
import { kindOf } from "../troubles";

export function Attention() {
  return (
    <>
      <div class="bar"><h1>{t("attention.title")}</h1></div>
      <div class="attention">
        <section aria-labelledby="calls">
          <h2 id="calls">{t("calls.title")}</h2>
          <ul>
            {calls.value.map((one) => (
              <li key={one.id} class="trouble trouble-call">
                <Icon name="bell" />
                <div><h3>{t("call.at", { kiosk: one.kiosk })}</h3><p>{maybe("call", one.why) ?? one.why}</p><p class="since">{ago(one.at)}</p></div>
                <Button kind="main" icon="check" onClick={() => void act("answer", `/calls/${one.id}/answer`, {}).then(again.attention)}>{t("call.go")}</Button>
              </li>
            ))}
          </ul>
          {calls.value.length === 0 && <Empty>{t("calls.none")}</Empty>}
        </section>
        <section aria-labelledby="alerts">
          <h2 id="alerts">{t("alerts.title")}</h2>
          <ul>{troubles.value.map((one) => <Trouble key={one.id} alert={one} />)}</ul>
          {troubles.value.length === 0 && <Empty>{t("alerts.none")}</Empty>}
        </section>
      </div>
    </>
  );
}

function Trouble({ alert }: { alert: Alert }) {
  const kind = kindOf(alert.id);
  const title = maybe("alert", kind) ?? alert.title;
  const advice = maybe("advice", kind) ?? alert.advice;
  return (
    <li class={`trouble trouble-${alert.severity}`} data-alert={alert.id}>
      <Icon name="alert" />
      <div>
        <h3>{title}</h3>
        {title !== alert.title && <p class="original">{alert.title}</p>}<p>{alert.detail}</p>
        <p class="advice">{advice}</p>
        <p class="since">{ago(alert.since_at)}</p>
      </div>
      <Mend alert={alert} kind={kind} />
    </li>
  );
}

/** The act that mends it, where this person may do it here. */
function Mend({ alert, kind }: { alert: Alert; kind: string }) {
  const [deciding, setDeciding] = useState<"done" | "not_done" | null>(null);
  switch (kind) {
    case "refund":
      return <Button kind="main" icon="check" onClick={() => void act<StaffOrder>("confirm refund", `/refunds/${alert.id.slice("refund:".length)}/confirm`, {}).then((next) => { if (next) takeOrder(next); again.attention(); })}>{t("refund.given")}</Button>;
    case "drawer":
    case "fiscal.shift":
      return <Button icon="till" onClick={() => (tab.value = "shift")}>{t("mend.shift")}</Button>;
    case "pin":
      return isManager.value ? <Button icon="lock" onClick={() => void act("unlock", "/sessions/unlock", { door: alert.id.slice("pin:".length) }).then(again.attention)}>{t("mend.unlock")}</Button> : null;
    case "effect":
      return isTechnician.value && alert.effect_id !== null && alert.effect_state !== "waiting" && alert.effect_state !== "sent"
        ? <>
            <div class="mends">
              {alert.effect_asks && <Button icon="check" onClick={() => setDeciding("done")}>{t("mend.done")}</Button>}
              <Button icon="undo" onClick={() => setDeciding("not_done")}>{t("mend.again")}</Button>
            </div>
            {deciding === "not_done" && <Decide alert={alert} onClose={() => setDeciding(null)} />}
            {deciding === "done" && <Done alert={alert} onClose={() => setDeciding(null)} />}
          </>
        : null;
    case "robot":
      return isTechnician.value ? <Button icon="check" onClick={() => void act("resume", "/robot/resume", {}).then((done) => { if (done) tell(t("mend.resumed")); })}>{t("mend.resume")}</Button> : null;
    case "terminal":
      return <Button icon="search" onClick={() => void findOrder(alert)}>{t("mend.order")}</Button>;
    default:
      return null;
  }
}

/** Alerts about an order end with its number. */
async function findOrder(alert: Alert): Promise<void> {
  const number = /(\d+)\D*$/.exec(alert.title)?.[1];
  try {
    const { orders } = await client.get<{ orders: StaffOrder[] }>("/orders?limit=200");
    const found = orders.find((one) => one.number === number);
    if (found) opened.value = found.id;
    else tab.value = "orders";
  } catch (error) {
    complain(error);
  }
}

function Decide({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const send = async () => {
    const done = await act("settle", `/effects/${alert.effect_id}/settle`, { outcome: "not_done", reason });
    if (!done) return;
    onClose();
    again.attention();
  };
  return (
    <Sheet title={t("mend.again")} onClose={onClose} foot={<Button kind="warn" disabled={reason.trim() === ""} onClick={() => void send()}>{t("mend.sure")}</Button>}>
      <p>{t("mend.again.more")}</p>
      <p class="advice">{alert.detail}</p>
      <Reasons label={t("reason")} reasons={[t("why.looked"), t("why.asked")]} value={reason} onChange={setReason} />
    </Sheet>
  );
}

/** It was done after all: what was seen of it makes its result. */
function Done({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const asks = alert.effect_asks ?? [];
  const [reason, setReason] = useState("");
  const [number, setNumber] = useState("");
  const [reference, setReference] = useState("");
  const [paid, setPaid] = useState<boolean | null>(null);
  const lacks = reason.trim() === "" || (asks.includes("document_number") && number === "") || (asks.includes("paid") && paid === null);
  const send = async () => {
    const seen = {
      ...(asks.includes("document_number") ? { document_number: Number(number) } : {}),
      ...(asks.includes("paid") ? { paid } : {}),
      ...(reference.trim() ? { reference: reference.trim() } : {}),
    };
    const done = await act("settle", `/effects/${alert.effect_id}/settle`, { outcome: "done", seen, reason });
    if (!done) return;
    onClose();
    again.attention();
  };
  return (
    <Sheet title={t("mend.done")} onClose={onClose} foot={<Button kind="warn" disabled={lacks} onClick={() => void send()}>{t("mend.done.sure")}</Button>}>
      <p>{t("mend.done.more")}</p>
      <p class="advice">{alert.detail}</p>
      {asks.includes("document_number") && (
        <label class="find"><span>{t("seen.document")}</span><input class="field num" type="text" inputMode="numeric" maxLength={10} data-seen="document" value={number} onInput={(event) => setNumber(event.currentTarget.value.replace(/\D/g, ""))} /></label>
      )}
      {asks.includes("paid") && (
        <div class="choose" role="group" aria-label={t("seen.paid")}>
          <Button kind="plain" pressed={paid === true} onClick={() => setPaid(true)}>{t("seen.paid.yes")}</Button>
          <Button kind="plain" pressed={paid === false} onClick={() => setPaid(false)}>{t("seen.paid.no")}</Button>
        </div>
      )}
      {asks.includes("reference") && paid !== false && (
        <label class="find"><span>{t("seen.reference")}</span><input class="field" type="text" maxLength={64} value={reference} onInput={(event) => setReference(event.currentTarget.value)} /></label>
      )}
      <Reasons label={t("reason")} reasons={[t("why.looked"), t("why.asked")]} value={reason} onChange={setReason} />
    </Sheet>
  );
}
