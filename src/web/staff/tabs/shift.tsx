// The shift: open and close it, money into the drawer and out of it, and the count of what lies there.
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../icons";
import { Button, Keypad, Reasons, Sheet, Stepper, clock, money } from "../parts";
import { pieces } from "../cash";
import { t, type Key } from "../say";
import { act, again, client, person, shift, soon, tell } from "../state";
import type { DrawerCount, ShiftMoney } from "../types";
import { who } from "../order";

export function ShiftTab() {
  const [doing, setDoing] = useState<"in" | "out" | "count" | "close" | null>(null);
  const [book, setBook] = useState<ShiftMoney | null>(null);
  const now = shift.value;
  useEffect(() => {
    if (now?.number) void client.get<ShiftMoney>("/shift/report").then(setBook).catch(() => undefined);
  }, [now, doing]);
  if (!now) return null;
  const open = now.state === "open";
  const counted = book?.drawer.counts?.at(-1);
  return (
    <>
      <div class="bar">
        <h1>{now.number ? t("shift.title", { n: now.number }) : t("tab.shift")}</h1>
        <span class={`chip chip-${now.state}`}>{t(`shift.${now.state}` as Key)}</span>
      </div>
      <div class="shift">
        <section>
          <dl class="sums">
            <div><dt>{t("shift.since")}</dt><dd class="num">{now.opened_at ? clock(now.opened_at) : "–"}</dd></div>
            <div><dt>{t("shift.receipts")}</dt><dd class="num">{now.receipts}</dd></div>
            <div><dt>{t("shift.sales")}</dt><dd class="num">{money(now.sales_minor)}</dd></div>
            <div><dt>{t("shift.returns")}</dt><dd class="num">{money(now.returns_minor)}</dd></div>
          </dl>
          {counted && (
            <p class={`counted${counted.counted_minor === counted.expected_minor ? "" : " counted-off"}`} role="status">
              <Icon name={counted.counted_minor === counted.expected_minor ? "check" : "alert"} />
              <span>{t("count.last", { at: clock(counted.at), who: who(counted.who), sum: money(counted.counted_minor) })}<br />{verdict(counted)}</span>
            </p>
          )}
          {book && book.drawer.moves.length > 0 && (
            <ul class="moves">{book.drawer.moves.map((one, n) => <li key={n}><span class="num">{clock(one.at)}</span><b class="num">{one.direction === "in" ? "+" : "−"}{money(one.sum_minor)}</b><span>{one.who}: {one.why}</span></li>)}</ul>
          )}
        </section>
        <section class="shift-acts">
          {now.state === "closed" && <Button kind="main" icon="check" onClick={() => void act("open shift", "/shift/open", {}).then(again.shift)}>{t("shift.open.go")}</Button>}
          {open && <Button kind="main" icon="till" onClick={() => setDoing("count")}>{t("count.go")}</Button>}
          {open && <Button icon="plus" onClick={() => setDoing("in")}>{t("cash.in")}</Button>}
          {open && <Button icon="minus" onClick={() => setDoing("out")}>{t("cash.out")}</Button>}
          {open && <Button icon="receipt" onClick={() => soon(t("x.soon"), () => void act("x report", "/shift/x-report", {}))}>{t("x.go")}</Button>}
          {open && <Button kind="warn" icon="lock" onClick={() => setDoing("close")}>{t("shift.close.go")}</Button>}
        </section>
      </div>
      {(doing === "in" || doing === "out") && <Move direction={doing} onClose={() => setDoing(null)} />}
      {doing === "count" && <Count onClose={() => setDoing(null)} onDone={() => setDoing(null)} />}
      {doing === "close" && <Close counted={counted ?? null} onCount={() => setDoing("count")} onClose={() => setDoing(null)} />}
    </>
  );
}

function verdict(count: DrawerCount): string {
  const gap = count.counted_minor - count.expected_minor;
  if (gap === 0) return t("count.exact");
  return t(gap > 0 ? "count.over" : "count.short", { sum: money(Math.abs(gap)) });
}

function Move({ direction, onClose }: { direction: "in" | "out"; onClose: () => void }) {
  const [sum, setSum] = useState("");
  const [why, setWhy] = useState("");
  const minor = Number(sum || 0) * 100;
  const send = async () => {
    const done = await act("move cash", "/shift/cash", { direction, sum_minor: minor, who: person.value?.name ?? "", why: why.trim() });
    if (!done) return;
    tell(t(direction === "in" ? "cash.in.done" : "cash.out.done", { sum: money(minor) }));
    again.shift();
    onClose();
  };
  return (
    <Sheet title={t(direction === "in" ? "cash.in" : "cash.out")} onClose={onClose} foot={<Button kind="main" icon="check" disabled={minor <= 0 || why.trim() === ""} onClick={() => void send()}>{t("cash.move.go", { sum: money(minor) })}</Button>}>
      <p class="pay-sum num">{money(minor)}</p>
      <Keypad onDigit={(digit) => setSum((before) => String(Number((before + digit).slice(0, 7))))} onErase={() => setSum(sum.slice(0, -1))} extra={{ label: "00", digits: "00" }} />
      <Reasons label={t("reason")} reasons={direction === "in" ? [t("why.change")] : [t("why.bank"), t("why.buy")]} value={why} onChange={setWhy} />
    </Sheet>
  );
}

/** Counted without knowing what should be there: who knows the sum counts until it fits. */
function Count({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [counts, setCounts] = useState<Record<number, number>>({});
  const [result, setResult] = useState<DrawerCount | null>(null);
  const sum = pieces.reduce((all, minor) => all + minor * (counts[minor] ?? 0), 0);
  const send = async () => {
    const denominations = pieces.map((minor) => ({ minor, count: counts[minor] ?? 0 })).filter((one) => one.count > 0);
    const done = await act<DrawerCount>("count", "/shift/count", { denominations });
    if (!done) return;
    setResult(done);
    again.shift();
    again.attention();
  };
  if (result) {
    const exact = result.counted_minor === result.expected_minor;
    return (
      <Sheet title={t("count.title")} onClose={onDone} foot={<>{!exact && <Button icon="undo" onClick={() => setResult(null)}>{t("count.again")}</Button>}<Button kind="main" icon="check" onClick={onDone}>{t("count.done")}</Button></>}>
        <p class={`counted${exact ? "" : " counted-off"}`} role="status"><Icon name={exact ? "check" : "alert"} /><b>{verdict(result)}</b></p>
        <p class="cash-row"><span>{t("count.counted")}</span><b class="num">{money(result.counted_minor)}</b></p>
        <p class="cash-row"><span>{t("count.expected")}</span><b class="num">{money(result.expected_minor)}</b></p>
        {!exact && <p>{t("count.more")}</p>}
      </Sheet>
    );
  }
  return (
    <Sheet title={t("count.title")} onClose={onClose} wide foot={<><p class="order-total"><span>{t("count.counted")}</span><b class="num" data-counted>{money(sum)}</b></p><Button kind="main" icon="check" onClick={() => void send()}>{t("count.send")}</Button></>}>
      <ul class="count">
        {pieces.map((minor) => (
          <li key={minor} data-piece={minor}>
            <b class="num">{money(minor)}</b>
            <Stepper name={money(minor)} value={counts[minor] ?? 0} max={9999} onChange={(n) => setCounts({ ...counts, [minor]: n })} />
            <input class="field num" type="text" inputMode="numeric" maxLength={4} aria-label={t("count.of", { note: money(minor) })} value={counts[minor] ? String(counts[minor]) : ""} onInput={(event) => setCounts({ ...counts, [minor]: Number(event.currentTarget.value.replace(/\D/g, "").slice(0, 4)) })} />
          </li>
        ))}
      </ul>
    </Sheet>
  );
}

function Close({ counted, onCount, onClose }: { counted: DrawerCount | null; onCount: () => void; onClose: () => void }) {
  const send = async () => {
    const done = await act("close shift", "/shift/close", {});
    onClose();
    if (done) again.shift();
  };
  return (
    <Sheet title={t("shift.close.go")} onClose={onClose} foot={<>{!counted && <Button kind="main" icon="till" onClick={onCount}>{t("count.go")}</Button>}<Button kind="warn" icon="lock" onClick={() => void send()}>{t("shift.close.sure")}</Button></>}>
      <p>{t("shift.close.more")}</p>
      <p class={`counted${counted && counted.counted_minor === counted.expected_minor ? "" : " counted-off"}`}><Icon name={counted ? "check" : "alert"} /><span>{counted ? verdict(counted) : t("count.none")}</span></p>
    </Sheet>
  );
}
