// Events of a store that can't be proven: what they say, what is wrong with them, and a person's verdict on each.
import { useState } from "preact/hooks";
import { post, query } from "./api";
import { useLoaded } from "./load";
import { Button, Dialog, Empty, Field, Refused, useAct, Waiting, When } from "./parts";
import { t, word } from "./say";
import { may } from "./state";
import type { Aside as Line } from "./types";

/** The body as it came, laid out; what is no JSON stays as it is. */
function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function kindOf(text: string): string {
  return /"kind":"([^"]*)"/.exec(text)?.[1] ?? "";
}

export function Aside({ id }: { id: string }) {
  const { value, refused, again } = useLoaded<{ aside: Line[] }>(`/aside${query({ store: id })}`);
  const [judging, setJudging] = useState<{ line: Line; accept: boolean } | null>(null);
  if (refused) return <Refused text={refused} />;
  if (!value) return <Waiting />;
  if (value.aside.length === 0) return <Empty title={t("aside.none")}>{t("aside.none.more")}</Empty>;
  return (
    <>
      <p class="soft">{t("aside.sub")}</p>
      <ul class="aside">
        {value.aside.map((one) => (
          <li key={one.seq} data-aside={one.seq} class={one.verdict ? "aside-over" : ""}>
            <header><b class="num">№ {one.seq}</b> <code>{kindOf(one.entry)}</code> <When at={one.received_at} /></header>
            <p>{one.reason}</p>
            <details><summary>{t("aside.entry")}</summary><pre tabIndex={0}>{laidOut(one.entry)}</pre></details>
            {one.verdict ? (
              <p><span class={`pill pill-${one.verdict === "accepted" ? "done" : "refused"}`}>{word("verdict", one.verdict)}</span> {one.settled_by}{one.settled_at !== null && <>, <When at={one.settled_at} /></>}{one.note && <q>{one.note}</q>}</p>
            ) : may("manager") && (
              <footer>
                <Button onClick={() => setJudging({ line: one, accept: false })}>{t("aside.reject")}</Button>
                <Button kind="main" onClick={() => setJudging({ line: one, accept: true })}>{t("aside.accept")}</Button>
              </footer>
            )}
          </li>
        ))}
      </ul>
      {judging && <Judge {...judging} onClose={() => setJudging(null)} again={again} />}
    </>
  );
}

function Judge({ line, accept, onClose, again }: { line: Line; accept: boolean; onClose(): void; again(): void }) {
  const [note, setNote] = useState("");
  const [busy, act] = useAct();
  return (
    <Dialog title={t(accept ? "aside.accept" : "aside.reject")} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act(() => post(`/aside/${encodeURIComponent(line.store_id)}/${line.seq}`, { accept, note }), word("verdict", accept ? "accepted" : "rejected")).then((done) => {
          if (!done) return;
          again();
          onClose();
        });
      }}>
        <p>{t(accept ? "aside.accept.more" : "aside.reject.more")}</p>
        <Field label={t("commands.why")}><textarea required rows={3} maxLength={500} value={note} onInput={(event) => setNote(event.currentTarget.value)} autofocus /></Field>
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{t(accept ? "aside.accept" : "aside.reject")}</Button></footer>
      </form>
    </Dialog>
  );
}
