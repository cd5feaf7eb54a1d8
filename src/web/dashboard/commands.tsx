// What can be asked of a store from afar, what became of it, and which documents it has.
import { useState } from "preact/hooks";
import { post, query } from "./api";
import { span, there } from "./format";
import { useLoaded } from "./load";
import { Button, Dialog, Field, Refused, useAct, Waiting, When } from "./parts";
import { t, word, type Key } from "./say";
import { may } from "./state";
import { actOf, type Command, type Held, type Role } from "./types";

type Kind = "open_shift" | "close_shift" | "stop_sales" | "resume_sales" | "back_up" | "support_bundle" | "reload" | "refund";
const kinds: { id: Kind; role: Role; warn?: boolean }[] = [
  { id: "open_shift", role: "operator" },
  { id: "close_shift", role: "operator", warn: true },
  { id: "stop_sales", role: "operator", warn: true },
  { id: "resume_sales", role: "operator" },
  { id: "back_up", role: "operator" },
  { id: "support_bundle", role: "operator" },
  { id: "reload", role: "operator" },
  { id: "refund", role: "manager", warn: true },
];

export function Commands({ id }: { id: string }) {
  const path = `/stores/${encodeURIComponent(id)}`;
  const sent = useLoaded<{ commands: Command[] }>(`${path}/commands${query({ limit: 30 })}`);
  const held = useLoaded<{ documents: Held[] }>(`${path}/documents`);
  const [asking, setAsking] = useState<Kind | null>(null);
  return (
    <div class="columns columns-commands">
      <section class="panel" aria-labelledby="do">
        <h2 id="do">{t("commands.do")}</h2>
        {may("operator") ? (
          <div class="commands">{kinds.filter((one) => may(one.role)).map((one) => <button type="button" key={one.id} class={`btn ${one.warn ? "btn-warned" : "btn-plain"}`} data-command={one.id} onClick={() => setAsking(one.id)}>{word("command", one.id)}</button>)}</div>
        ) : <p class="soft">{t("commands.role")}</p>}
        <h2>{t("documents.held")}</h2>
        {held.refused ? <p class="soft">{held.refused}</p> : !held.value ? <Waiting lines={2} /> : held.value.documents.length === 0 ? <p class="soft">{t("documents.none")}</p> : (
          <ul class="held">{held.value.documents.map((one) => <li key={`${one.kind} ${one.version}`}><b>{word("kind", one.kind)}</b> {one.name} <span class="num soft">{t("revision.n", { n: one.revision })}</span> <span class={`pill pill-${one.state}`}>{word("rollout", one.state)}</span>{one.reason && <small>{one.reason}</small>}</li>)}</ul>
        )}
      </section>
      <section class="panel" aria-labelledby="sent">
        <h2 id="sent">{t("commands.sent")}</h2>
        {sent.refused ? <Refused text={sent.refused} /> : !sent.value ? <Waiting lines={3} /> : sent.value.commands.length === 0 ? <p class="soft">{t("commands.none")}</p> : (
          <ol class="sent">{sent.value.commands.map((one) => <Sent key={one.id} command={one} again={sent.again} />)}</ol>
        )}
      </section>
      {asking && <Ask store={id} kind={asking} onClose={() => setAsking(null)} again={sent.again} />}
    </div>
  );
}

function Sent({ command: c, again }: { command: Command; again(): void }) {
  const [busy, act] = useAct();
  const left = c.expires_at - there();
  return (
    <li data-command={c.id}>
      <span class={`pill pill-${c.state}`}>{word("commanded", c.state)}</span>
      <b>{word("command", actOf(c))}</b>
      <small>{c.by}, <When at={c.issued_at} />{c.state === "waiting" && left > 0 && ` · ${t("commands.left", { age: span(left) })}`}</small>
      {c.answer?.text && <p>{c.answer.text}</p>}
      {actOf(c) === "support_bundle" && c.state === "done" && <a href={`./api/v1/bundles/${c.id}`} download>{t("commands.bundle")}</a>}
      {c.state === "waiting" && may("operator") && <Button kind="quiet" disabled={busy} onClick={() => void act(() => post(`/commands/${c.id}/cancel`)).then(again)}>{t("commands.cancel")}</Button>}
    </li>
  );
}

function Ask({ store, kind, onClose, again }: { store: string; kind: Kind; onClose(): void; again(): void }) {
  const [why, setWhy] = useState("");
  const [order, setOrder] = useState("");
  const [minutes, setMinutes] = useState("60");
  const [busy, act] = useAct();
  const needsWhy = kind === "stop_sales" || kind === "resume_sales" || kind === "refund";
  const command = (): Record<string, unknown> => {
    switch (kind) {
      case "stop_sales":
        return { do: kind, why, cleaning: false, ...(minutes === "" ? {} : { until_at: there() + Number(minutes) * 60_000 }) };
      case "resume_sales":
        return { do: kind, why };
      case "refund":
        return { do: kind, order_id: order.trim(), reason: why };
      default:
        return { do: kind };
    }
  };
  return (
    <Dialog title={word("command", kind)} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act(() => post(`/stores/${encodeURIComponent(store)}/commands`, { command: command() }), t("commands.gone")).then((done) => {
          if (!done) return;
          again();
          onClose();
        });
      }}>
        <p>{t(`command.more.${kind}` as Key)}</p>
        {kind === "refund" && <Field label={t("commands.order")}><input required value={order} pattern="[0-9a-fA-F\-]{36}" onInput={(event) => setOrder(event.currentTarget.value)} /></Field>}
        {kind === "stop_sales" && <Field label={t("commands.minutes")} help={t("commands.minutes.more")}><input type="number" min={1} max={10_000} value={minutes} onInput={(event) => setMinutes(event.currentTarget.value)} /></Field>}
        {needsWhy && <Field label={t("commands.why")}><input required maxLength={200} value={why} onInput={(event) => setWhy(event.currentTarget.value)} /></Field>}
        <p class="soft">{t("commands.expires")}</p>
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{t("commands.send")}</Button></footer>
      </form>
    </Dialog>
  );
}

