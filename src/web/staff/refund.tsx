// Money back: dishes of the order, all that is left, or a sum; always with a reason.
import { useState } from "preact/hooks";
import { alike, serial, unitOf } from "./code";
import { ScanField } from "./marks";
import { Button, Keypad, Reasons, Stepper, money } from "./parts";
import { say, t } from "./say";
import { act, again, tell } from "./state";
import type { StaffLine, StaffOrder } from "./types";

type How = "lines" | "all" | "sum";

/** Units of a line that can come back. */
const back = (line: StaffLine) => (line.marked?.units ?? []).filter((unit) => !line.marked?.returned?.includes(unit));

export function RefundForm({ order, onDone }: { order: StaffOrder; onDone: (next: StaffOrder) => void }) {
  const [how, setHow] = useState<How>("lines");
  const [counts, setCounts] = useState<Record<number, number>>({});
  const [units, setUnits] = useState<string[]>([]);
  const [any, setAny] = useState(false);
  const [sum, setSum] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const left = order.payments.reduce((all, one) => all + (one.state === "captured" ? one.amount_minor : 0), 0)
    - order.refunds.filter((one) => one.state !== "refused").reduce((all, one) => all + one.amount_minor, 0);
  const lines = Object.entries(counts).filter(([, n]) => n > 0).map(([id, quantity]) => ({ line_id: Number(id), quantity }));
  const every = order.lines.flatMap(back);
  const pick = (unit: string) => setUnits(units.includes(unit) ? units.filter((one) => one !== unit) : [...units, unit]);
  const scanned = (code: string) => {
    const unit = unitOf(every, code);
    if (!unit) tell(t("scan.foreign"));
    else if (!units.includes(unit)) pick(unit);
  };
  const amount = how === "all" ? left : how === "sum" ? Number(sum || 0) * 100 : order.lines.reduce((all, line) => {
    const quantity = (counts[line.line_id] ?? 0) + back(line).filter((unit) => units.includes(unit)).length;
    return all + Math.round(((line.sum_minor - (line.discount_minor ?? 0)) * quantity) / line.quantity);
  }, 0);
  const fine = amount > 0 && amount <= left && reason.trim() !== "";
  const send = async () => {
    setBusy(true);
    const body = how === "all" ? { reason } : how === "sum" ? { reason, amount_minor: amount } : { reason, lines, ...(units.length > 0 && { codes: units.map((code) => ({ code })) }), ...(any && { any_unit: true }) };
    const answer = await act<{ order: StaffOrder }>("refund", `/orders/${order.id}/refunds`, body);
    setBusy(false);
    if (!answer) return;
    again.attention();
    const byHand = answer.order.refunds.some((one) => one.state === "awaiting_person");
    tell(t(byHand ? "refund.hand" : "refund.sent"));
    onDone(answer.order);
  };
  return (
    <div class="refund">
      <div class="choose" role="group" aria-label={t("refund")}>
        <Button kind="plain" pressed={how === "lines"} onClick={() => setHow("lines")}>{t("refund.lines")}</Button>
        <Button kind="plain" pressed={how === "all"} onClick={() => setHow("all")}>{t("refund.all")}</Button>
        <Button kind="plain" pressed={how === "sum"} onClick={() => setHow("sum")}>{t("refund.sum")}</Button>
      </div>
      {how === "lines" && (
        <>
        {every.length > 0 && <ScanField busy={busy} onCode={scanned} />}
        <ul class="order-lines">
          {order.lines.map((line) => back(line).length > 0 && !(any && alike(back(line))) ? (
            <li key={line.line_id} data-line={line.line_id} class="units-line">
              <span>{say(line.name)}<small>{t("scan.which")}</small></span>
              <div class="choose" role="group" aria-label={say(line.name)}>
                {back(line).map((unit) => <Button key={unit} kind="plain" pressed={units.includes(unit)} onClick={() => pick(unit)}><span data-unit={unit} class="num">{serial(unit)}</span></Button>)}
                {back(line).length > 1 && alike(back(line)) && <Button kind="plain" icon="undo" onClick={() => { setAny(true); setUnits(units.filter((unit) => !back(line).includes(unit))); }}>{t("scan.any")}</Button>}
              </div>
              <span class="num">{money(line.price_minor)}</span>
            </li>
          ) : (
            <li key={line.line_id} data-line={line.line_id}>
              <Stepper name={say(line.name)} value={counts[line.line_id] ?? 0} max={line.refundable ?? line.quantity} onChange={(n) => setCounts({ ...counts, [line.line_id]: n })} />
              <span>{say(line.name)}<small>{t("refund.of", { n: line.refundable ?? line.quantity })}</small></span>
              <span class="num">{money(line.price_minor)}</span>
            </li>
          ))}
        </ul>
        </>
      )}
      {how === "sum" && <Keypad onDigit={(digit) => setSum((before) => String(Number((before + digit).slice(0, 7))))} onErase={() => setSum(sum.slice(0, -1))} />}
      <Reasons label={t("refund.why")} reasons={[t("why.cold"), t("why.wrong"), t("why.late"), t("why.foreign"), t("why.mind")]} value={reason} onChange={setReason} />
      <p class="cash-row"><span>{t("refund.back")}</span><b class="num" data-back>{money(amount)}</b></p>
      <p class="card-note">{t("refund.left", { sum: money(left) })}</p>
      <Button kind="warn" icon="undo" disabled={!fine || busy} onClick={() => void send()}>{t("refund.go", { sum: money(amount) })}</Button>
    </div>
  );
}
