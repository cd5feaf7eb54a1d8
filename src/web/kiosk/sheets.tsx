// The sheets that any screen can open: comfort, allergens, calling staff, the staff door, a promo code; and questions
// before what can't be taken back.
import { useState } from "preact/hooks";
import { Refusal } from "../shared/client";
import { say, t, tCode } from "../shared/i18n";
import { Icon, type IconName } from "../shared/icons";
import { allergensOf } from "./allergens";
import { checkOut } from "./basket";
import { call, callStaff, type CallReason } from "./calls";
import { chooseAgain, reset } from "./checkout";
import { Keyboard, typed } from "./keyboard";
import { allModes, modes, toggleMode, type Mode } from "./modes";
import { Question, Sheet } from "./parts";
import { announce, avoided, client, menu, promoCode, sheet, unwanted } from "./state";

const close = () => {
  sheet.value = null;
  if (call.peek()?.state !== "sending") call.value = null;
};

export function Sheets() {
  switch (sheet.value) {
    case "access": return <AccessSheet />;
    case "avoid": return <AvoidSheet />;
    case "call": return <CallSheet />;
    case "staff": return <StaffSheet />;
    case "code": return <CodeSheet />;
    case "paid": return <PaidQuestion />;
    case "restart": return <RestartQuestion />;
    case "unwanted": return <UnwantedQuestion />;
    case null: return null;
  }
}

const modeIcons: Record<Mode, IconName> = { reach: "down", large: "book", contrast: "eye", calm: "clock" };

function AccessSheet() {
  return (
    <Sheet id="access" title={t("access.title")} lead={t("access.more")} onClose={close}>
      <div class="toggles">
        {allModes.map((mode) => {
          const on = modes.value.has(mode);
          return (
            <button type="button" key={mode} class="toggle" role="switch" aria-checked={on} data-mode={mode} onClick={() => toggleMode(mode)}>
              {mode === "large" ? <span class="toggle-letter display" aria-hidden="true">Aa</span> : <Icon name={modeIcons[mode]} size="2.4rem" />}
              <span class="toggle-text"><strong>{t(`access.${mode}`)}</strong><span>{t(`access.${mode}.more`)}</span></span>
              <span class="toggle-state" aria-hidden="true"><i />{t(on ? "access.on" : "access.off")}</span>
            </button>
          );
        })}
      </div>
      <div class="actions"><button type="button" class="btn btn-main" onClick={close}>{t("done")}</button></div>
    </Sheet>
  );
}

function AvoidSheet() {
  const all = menu.value ? allergensOf(menu.value) : [];
  const toggle = (id: string) => {
    const next = new Set(avoided.value);
    if (!next.delete(id)) next.add(id);
    avoided.value = next;
  };
  return (
    <Sheet id="avoid" title={t("avoid.title")} lead={t("avoid.more")} onClose={close}>
      <div class="chips" role="group" aria-label={t("avoid.open")}>
        {all.map((id) => {
          const on = avoided.value.has(id);
          return (
            <button type="button" key={id} class="chip" role="checkbox" aria-checked={on} data-allergen={id} onClick={() => toggle(id)}>
              <span class="chip-box" aria-hidden="true">{on && <Icon name="close" size="1.5rem" />}</span>{tCode("allergen", id)}
            </button>
          );
        })}
      </div>
      <div class="actions">
        <button type="button" class="btn btn-quiet" disabled={avoided.value.size === 0} onClick={() => (avoided.value = new Set())}>{t("avoid.clear")}</button>
        <button type="button" class="btn btn-main" onClick={close}>{t("done")}</button>
      </div>
    </Sheet>
  );
}

const reasons: [CallReason, IconName][] = [["help", "person"], ["payment", "card"], ["allergy", "leaf"], ["spill", "sparkle"]];

function CallSheet() {
  const now = call.value;
  return (
    <Sheet id="call" title={t("call.title")} onClose={close}>
      {now === null ? (
        <div class="toggles">
          {reasons.map(([why, icon]) => (
            <button type="button" key={why} class="toggle" data-why={why} onClick={() => void callStaff(why)}>
              <Icon name={icon} size="2.4rem" /><span class="toggle-text"><strong>{t(`call.${why}`)}</strong></span><Icon name="next" size="1.8rem" />
            </button>
          ))}
        </div>
      ) : (
        <div class="call-state" role="status">
          {now.state === "sending" ? <span class="spinner" aria-hidden="true" /> : <span class={`roundel roundel-${now.state === "failed" ? "warn" : "safe"}`}><Icon name={now.state === "failed" ? "alert" : "check"} size="3.6rem" /></span>}
          <p class="lead">{t(`call.${now.state}`)}</p>
          <div class="actions"><button type="button" class="btn btn-main" onClick={close}>{t("close")}</button></div>
        </div>
      )}
    </Sheet>
  );
}

const PIN_MOST = 12;

function StaffSheet() {
  const [pin, setPin] = useState("");
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const put = (key: string | null) => {
    setFault("");
    setPin((key === null ? pin.slice(0, -1) : pin + key).replace(/\D/g, "").slice(0, PIN_MOST));
  };
  const enter = async () => {
    if (busy || pin === "") return;
    setBusy(true);
    try {
      // Never tried again by itself: each try counts against the lock.
      const { token } = await client.once<{ token: string }>("/sessions", { pin, device: "kiosk" });
      location.assign(`/staff/#token=${encodeURIComponent(token)}`);
    } catch (error) {
      setFault(error instanceof Refusal ? say(error.guestMessage) || t(error.status === 404 ? "staff.failed" : "staff.wrong") : t("staff.failed"));
      setPin("");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet id="staff" class="sheet-narrow" title={t("staff.title")} onClose={close}>
      <form class="pin" onSubmit={(event) => { event.preventDefault(); void enter(); }}>
        <input autofocus class="field num pin-field" type="password" inputMode="none" autocomplete="off" aria-label={t("staff.title")} aria-describedby="pin-fault" value={pin} onInput={(event) => { setFault(""); setPin(event.currentTarget.value.replace(/\D/g, "").slice(0, PIN_MOST)); }} />
        <p id="pin-fault" class="fault" role="alert">{fault}</p>
        <Keyboard layout="digits" onKey={put} />
        <div class="actions"><button type="submit" class="btn btn-main" disabled={busy || pin === ""}><Icon name="lock" size="1.8rem" />{t("staff.enter")}</button></div>
      </form>
    </Sheet>
  );
}

const CODE_MOST = 24;

function CodeSheet() {
  const [code, setCode] = useState(promoCode.value);
  const put = (text: string) => setCode(text.toUpperCase().replace(/\s/g, "").slice(0, CODE_MOST));
  const apply = () => {
    promoCode.value = code;
    announce(code);
    close();
  };
  return (
    <Sheet id="code" title={t("code.title")} onClose={close}>
      <form class="code-form" onSubmit={(event) => { event.preventDefault(); apply(); }}>
        <input autofocus class="field num" type="text" inputMode="none" autocomplete="off" autocapitalize="characters" aria-label={t("code.field")} value={code} onInput={(event) => put(event.currentTarget.value)} />
        <Keyboard layout="code" onKey={(key) => put(typed(code, key))} />
        <div class="actions"><button type="submit" class="btn btn-main" disabled={code === "" && promoCode.value === ""}>{t("code.apply")}</button></div>
      </form>
    </Sheet>
  );
}

/** Whoever has paid on the phone while the bank is away must not pay again. */
function PaidQuestion() {
  const another = () => {
    close();
    void chooseAgain();
  };
  return <Question id="paid" title={t("pay.away.ask")} lead={t("pay.away.ask.more")} stay={t("pay.away.yes")} onStay={close} go={t("pay.away.no")} onGo={another} />;
}

function RestartQuestion() {
  return <Question id="restart" title={t("start.over.ask")} lead={t("start.over.more")} stay={t("start.over.keep")} onStay={close} go={t("start.over")} onGo={reset} />;
}

function UnwantedQuestion() {
  const list = unwanted.value.map((id) => tCode("allergen", id)).join(", ");
  const keep = () => {
    close();
    checkOut(true);
  };
  return <Question id="unwanted" title={t("avoid.ask", { list })} lead={t("avoid.ask.more")} stay={t("avoid.back")} onStay={close} go={t("avoid.keep")} onGo={keep} />;
}
