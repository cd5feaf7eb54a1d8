// Marked goods of an order: codes are scanned before it is paid.
import { useState } from "preact/hooks";
import { isSeparator, separated, serial } from "./code";
import { Button } from "./parts";
import { say, t } from "./say";
import { act, takeOrder } from "./state";
import type { StaffOrder } from "./types";

/** Takes what a scanner types; the Enter behind it sends it. */
export function ScanField({ busy, onCode }: { busy: boolean; onCode: (code: string) => void }) {
  return (
    <label class="find">
      <span>{t("scan")}</span>
      <input
        class="field"
        type="text"
        autocomplete="off"
        spellcheck={false}
        autofocus
        aria-busy={busy}
        data-scan
        onKeyDown={(event) => {
          const field = event.currentTarget;
          if (isSeparator(event.key, event.ctrlKey)) {
            event.preventDefault();
            const at = field.selectionStart ?? field.value.length;
            field.value = separated(field.value, at, field.selectionEnd ?? at);
            field.setSelectionRange(at + 1, at + 1);
          } else if (event.key === "Enter") {
            event.preventDefault();
            const code = field.value;
            field.value = "";
            if (code !== "") onCode(code);
          }
        }}
      />
    </label>
  );
}

export function missing(order: StaffOrder): number {
  return order.lines.reduce((sum, line) => sum + (line.marked?.missing ?? 0), 0);
}

export function Marks({ order, onOrder }: { order: StaffOrder; onOrder: (next: StaffOrder) => void }) {
  const [busy, setBusy] = useState(false);
  const doing = async (intent: string, path: string, body: unknown) => {
    setBusy(true);
    const next = await act<StaffOrder>(intent, `/orders/${order.id}/${path}`, body);
    setBusy(false);
    if (!next) return;
    takeOrder(next);
    onOrder(next);
  };
  const lines = order.lines.filter((line) => line.marked);
  if (lines.length === 0) return null;
  const left = missing(order);
  return (
    <div class="marks">
      {left > 0 && <ScanField busy={busy} onCode={(code) => void doing("scan", "codes", { codes: [{ code }] })} />}
      <p role="status">{left > 0 ? t("scan.left", { n: left }) : t("scan.all")}</p>
      <ul class="units">
        {lines.flatMap((line) => (line.marked?.units ?? []).map((unit) => (
          <li key={unit} data-unit={unit}>
            <span>{say(line.name)}<small class="num">{serial(unit)}</small></span>
            <Button kind="plain" icon="close" disabled={busy} label={t("scan.drop", { unit: serial(unit) })} onClick={() => void doing("unscan", "codes/release", { cis: unit })}>{t("scan.out")}</Button>
          </li>
        )))}
      </ul>
    </div>
  );
}
