import { useEffect, useState } from "preact/hooks";
import { boxNow, reachable } from "../../shared/client";
import { lang, say, t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { money } from "../../shared/money";
import type { Order, Payment } from "../../shared/types";
import { call, callStaff } from "../calls";
import { chooseAgain, pay, reset, withdraw } from "../checkout";
import { Frame, Notice, Title, TopBar } from "../parts";
import { useQr } from "../qr";
import { bankAway, busy, go, paired, payment, sheet } from "../state";

export function PayScreen({ order }: { order: Order }) {
  const now = payment.value;
  return (
    <Frame
      class="flow"
      top={<TopBar><p class="order-chip">{t("pay.number", { number: order.number })}</p></TopBar>}
      {...(now && open.includes(now.state) && paired.value ? { bottom: bankAway.value ? <WayOutOfBankAway /> : <WayOut payment={now} /> } : {})}
    >
      <main class="flow-body flow-centre pay">
        <Notice />
        {now && <Stage key={`${now.id} ${now.state === "registering" ? "waiting" : now.state}`} order={order} payment={now} />}
      </main>
    </Frame>
  );
}

const codes: readonly string[] = ["sbp_qr", "payme", "click"];

/** Paid with the guest's phone, by a code on this screen. */
function byCode(one: Payment): boolean {
  return codes.includes(one.tender) || Boolean(one.qr);
}

function Stage({ order, payment: one }: { order: Order; payment: Payment }) {
  const sum = money(one.amount_minor, order.currency, lang.value);
  // A screen that was shut out can't know how a payment stands. Cash is the counter's business.
  if (one.state === "unclear" || (!paired.value && one.tender !== "cash")) return <Unclear order={order} sum={sum} />;
  if (one.state === "declined" || one.state === "closed") return <Failed payment={one} />;
  if (bankAway.value) return <BankAway order={order} sum={sum} />;
  if (byCode(one)) return <Qr order={order} payment={one} sum={sum} />;
  if (one.tender === "cash") return <Counter order={order} sum={sum} />;
  return (
    <>
      <Title>{t("pay.card.title")}</Title>
      <p class="due"><strong class="display num">{sum}</strong></p>
      <svg class="terminal" viewBox="0 0 320 300" aria-hidden="true">
        <ellipse cx="164" cy="284" rx="100" ry="12" fill="#000" opacity=".14" />
        <rect x="92" y="60" width="136" height="220" rx="22" fill="#1d3470" /><rect x="106" y="78" width="108" height="68" rx="10" fill="#fdeac0" />
        <path d="M128 112h64M140 128h40" stroke="#1d3470" stroke-width="7" stroke-linecap="round" />
        <g fill="#fffdf6" opacity=".9">{[0, 1, 2].map((r) => [0, 1, 2].map((c) => <rect key={`${r}${c}`} x={112 + c * 35} y={164 + r * 34} width="26" height="22" rx="6" />))}</g>
        <g class="terminal-card"><rect x="126" y="4" width="130" height="82" rx="12" fill="#c2301a" transform="rotate(-12 190 40)" /><rect x="138" y="26" width="26" height="20" rx="4" fill="#f2b23a" transform="rotate(-12 190 40)" /></g>
        <g class="terminal-waves" stroke="#c2301a" stroke-width="7" fill="none" stroke-linecap="round"><path d="M250 116c10 10 10 26 0 36" /><path d="M268 104c17 17 17 43 0 60" /></g>
      </svg>
      <p class="lead">{t("pay.card.more")}</p>
      <Waiting />
    </>
  );
}

function Waiting({ bank }: { bank?: boolean }) {
  return <p class="busy" role="status"><span class="spinner" aria-hidden="true" />{t(bank ? "pay.away.waiting" : "pay.waiting")}</p>;
}

const open: readonly string[] = ["registering", "waiting"];

/** What a guest can do instead of paying in this way. */
function WayOut({ payment: one }: { payment: Payment }) {
  // While the box is away, nobody knows whether a shown code was paid.
  const off = busy.value !== null || (byCode(one) && !reachable.value);
  return (
    <footer class="footbar">
      <button type="button" class="btn btn-quiet" data-other disabled={off} onClick={() => void chooseAgain()}>{t("pay.other")}</button>
      {one.tender === "cash"
        ? <button type="button" class="btn btn-main" onClick={reset}>{t("pay.done.here")}</button>
        : <button type="button" class="btn btn-quiet" data-cancel disabled={off} onClick={() => void withdraw("menu")}>{t("pay.cancel")}</button>}
    </footer>
  );
}

function Qr({ order, payment: one, sum }: { order: Order; payment: Payment; sum: string }) {
  const image = useQr(one.qr?.svg_path ?? null);
  const left = useSecondsUntil(one.expires_at ?? null);
  return (
    <div class="qr-stage">
      <div class="qr-frame">
        {image
          ? <img class="qr" src={image} width="420" height="420" alt={t("pay.qr.alt", { number: order.number, sum })} />
          : <p class="qr qr-empty" role="status"><span class="spinner" aria-hidden="true" />{t("pay.qr.preparing")}</p>}
      </div>
      <div class="qr-side">
        <Title>{t("pay.qr.title")}</Title>
        <p class="due"><strong class="display num">{sum}</strong></p>
        {image && left !== null && (
          <p class="countdown" role="timer" aria-live="off"><Icon name="clock" size="1.8rem" /><span>{t("pay.left")}</span> <strong class="num">{Math.floor(left / 60)}:{String(left % 60).padStart(2, "0")}</strong></p>
        )}
        <ol class="steps">
          {(["pay.qr.step1", "pay.qr.step2", "pay.qr.step3"] as const).map((key, i) => <li key={key}><b aria-hidden="true">{i + 1}</b>{t(key)}</li>)}
        </ol>
        {image && <Waiting />}
      </div>
    </div>
  );
}

function useSecondsUntil(at: number | null): number | null {
  const [, tick] = useState(0);
  useEffect(() => {
    if (at === null) return;
    const beat = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(beat);
  }, [at]);
  return at === null ? null : Math.max(0, Math.ceil((at - boxNow()) / 1000));
}

function Counter({ order, sum }: { order: Order; sum: string }) {
  return (
    <>
      <Title>{t("pay.cash.title")}</Title>
      <p class="big-number display num" aria-label={t("pay.number", { number: order.number })}>{order.number}</p>
      <p class="due"><strong class="display num">{sum}</strong></p>
      <p class="lead">{t("pay.cash.more")}</p>
    </>
  );
}

function Failed({ payment: one }: { payment: Payment }) {
  const declined = one.state === "declined" || one.closed_by === "refused" || one.closed_by === "unpaid";
  const codeless = one.withdrawn === "no_code";
  const calledOff = one.withdrawn === "asked" || one.closed_by === "not_wanted";
  const [title, more] = calledOff
    ? [t("pay.withdrawn"), t("pay.withdrawn.more")]
    : declined ? [t("pay.declined"), t("pay.declined.more")]
    : codeless ? [t("pay.nocode"), t("pay.nocode.more")] : [t("pay.closed"), t("pay.closed.more")];
  return (
    <>
      <span class="roundel roundel-warn"><Icon name={declined || calledOff ? "close" : "clock"} size="4.4rem" /></span>
      <Title>{title}</Title>
      <p class="lead" role="alert">{calledOff ? more : `${say(one.reason)} ${more}`}</p>
      <div class="actions actions-column">
        {!codeless && <button type="button" class="btn btn-main" disabled={busy.value !== null} onClick={() => void pay(one.tender)}>{byCode(one) ? t("pay.newcode") : t("pay.again")}</button>}
        <button type="button" class={codeless ? "btn btn-main" : "btn btn-quiet"} disabled={busy.value !== null} onClick={() => go("tender")}>{t("pay.other")}</button>
        <button type="button" class="btn btn-quiet" disabled={busy.value !== null} onClick={() => void withdraw("menu")}>{t("pay.cancel")}</button>
      </div>
    </>
  );
}

function Unclear({ order, sum }: { order: Order; sum: string }) {
  const state = call.value?.state;
  // The box itself calls somebody to a screen that it shuts out in the middle of a payment.
  const told = state === "coming" ? "call.coming" : state === "sent" || !paired.value ? "call.sent" : null;
  return (
    <>
      <span class="roundel roundel-safe"><Icon name="shield" size="4.4rem" /></span>
      <Title>{t("pay.unclear")}</Title>
      <p class="lead" role="status">{t("pay.unclear.more")}{told && <> {t(told)}</>}</p>
      <Keep order={order} sum={sum} />
      <Waiting />
      <div class="actions"><button type="button" class="btn btn-quiet" onClick={reset}>{t("pay.done.here")}</button></div>
    </>
  );
}

function Keep({ order, sum }: { order: Order; sum: string }) {
  return <p class="keep"><span>{t("pay.unclear.keep")}</span><strong class="big-number display num">{order.number}</strong><span class="num">{sum}</span></p>;
}

/** The code is out of sight meanwhile: what nobody can see paid, nobody should pay. */
function BankAway({ order, sum }: { order: Order; sum: string }) {
  return (
    <>
      <span class="roundel roundel-safe"><Icon name="shield" size="4.4rem" /></span>
      <Title>{t("pay.away")}</Title>
      <p class="lead" role="status">{t("pay.away.more")}</p>
      <Keep order={order} sum={sum} />
      <Waiting bank />
    </>
  );
}

/** How long the bank may be away before a guest who has not paid is offered another way. */
const PATIENCE_MS = 20_000;

function WayOutOfBankAway() {
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      if (sheet.peek() === "paid") sheet.value = null;
    };
  }, []);
  const help = () => {
    sheet.value = "call";
    void callStaff("payment");
  };
  return (
    <footer class="footbar">
      {long && <button type="button" class="btn btn-quiet" data-other disabled={busy.value !== null || !reachable.value} onClick={() => (sheet.value = "paid")}>{t("pay.other")}</button>}
      <button type="button" class="btn btn-main" data-staff onClick={help}><Icon name="bell" size="1.8rem" />{t("call.open")}</button>
    </footer>
  );
}
