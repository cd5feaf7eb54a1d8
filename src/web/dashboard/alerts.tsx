// What needs somebody: since when, what it costs, who must act, how. Somebody takes it by name; it closes itself.
import { useState } from "preact/hooks";
import { Icon } from "../shared/icons";
import { file, post, query } from "./api";
import { count, moment, money, span, there } from "./format";
import { useLoaded } from "./load";
import { Button, Choice, Csv, Dialog, Empty, Field, Head, Named, Refused, Search, useAct, Waiting, When } from "./parts";
import { maybe, t, word } from "./say";
import { filter, link, may, route } from "./state";
import type { Alert, AlertPage } from "./types";

export function Alerts() {
  const q = route.value.query;
  const state = q.get("state") ?? "";
  const values = { state, q: q.get("q") ?? "", severity: q.get("severity") ?? "" };
  const { value, refused, again } = useLoaded<AlertPage>(`/alerts${query(values)}`);
  return (
    <>
      <Head title={t("alerts.title")} sub={t("alerts.sub")} />
      <div class="filters">
        <Search label={t("alerts.search")} value={values.q} onSearch={(text) => filter({ q: text })} />
        <Choice label={t("fleet.state")} value={state} onChoose={(one) => filter({ state: one })} options={[
          ["", <>{t("all")}</>],
          ["open", <>{t("alerts.open")} <b class="num">{count(value?.open ?? 0)}</b></>],
          ["acknowledged", <>{t("alerts.taken")} <b class="num">{count(value?.acknowledged ?? 0)}</b></>],
          ["over", <>{t("alerts.over")}</>],
        ]} />
        <span class="filters-side">
          <Choice label={t("alerts.severity")} value={values.severity} onChoose={(one) => filter({ severity: one })} options={[["", t("all")], ["error", word("severity", "error")], ["warning", word("severity", "warning")]]} />
          <Csv href={file("/alerts.csv", values)} />
        </span>
      </div>
      {refused && <Refused text={refused} />}
      {!value ? <Waiting /> : <AlertList alerts={value.alerts} again={again} />}
      {value && value.matching > value.alerts.length && <p class="soft">{t("more.filter", { n: value.matching - value.alerts.length })}</p>}
    </>
  );
}

export function AlertList({ alerts, again, store = true }: { alerts: Alert[]; again(): void; store?: boolean }) {
  const [taking, setTaking] = useState<Alert | null>(null);
  if (alerts.length === 0) return <Empty title={t("alerts.none")}>{t("alerts.none.more")}</Empty>;
  return (
    <>
      <ul class="alerts">
        {alerts.map((one) => <Line key={`${one.store_id} ${one.key} ${one.since_at} ${one.cleared_at ?? ""}`} alert={one} store={store} again={again} take={() => setTaking(one)} />)}
      </ul>
      {taking && <Take alert={taking} onClose={() => setTaking(null)} again={again} />}
    </>
  );
}

export function titleOf(one: Alert): string {
  return one.source === "hq" ? word("cause", one.key.slice(3)) : maybe("title", one.title) ?? one.title;
}

function Line({ alert: a, store, take, again }: { alert: Alert; store: boolean; take(): void; again(): void }) {
  const [busy, act] = useAct();
  const over = a.cleared_at !== undefined;
  const detail = a.source === "hq" && a.key === "hq:backlog" ? t("cause.backlog.detail", { n: Number(a.detail) }) : a.source === "hq" && a.key === "hq:blocked" ? word("stopped", a.detail) : a.detail;
  const advice = a.source === "hq" ? word("advice", a.key.slice(3)) : a.advice;
  return (
    <li class={`alert alert-${over ? "over" : a.severity}${a.acknowledged ? " alert-taken" : ""}`} data-key={a.key}>
      <span class="alert-sign"><Icon name={over ? "check" : a.severity === "error" ? "alert" : "bell"} size="1.5rem" /><span class="hidden-visually">{word("severity", a.severity)}</span></span>
      <div class="alert-what">
        <h2>{titleOf(a)}</h2>
        <p class="alert-where">{store && <><a href={link(["stores", a.store_id])}><Named id={a.store_id} name={a.name} /></a> · </>}<When at={a.since_at} />{over && <> · {t("alerts.lasted", { age: span((a.cleared_at ?? 0) - a.since_at) })}</>}</p>
        {detail && <p>{detail}</p>}
        {!over && advice && <p class="alert-how"><b>{t("alerts.how")}</b> {advice} {a.key === "hq:unproven" && may("manager") && <a href={link(["stores", a.store_id, "aside"])}>{t("aside.open")}</a>}</p>}
      </div>
      <dl class="alert-facts">
        <div><dt>{t("alerts.who")}</dt><dd>{word("who", a.who)}</dd></div>
        <div><dt>{t("alerts.cost")}</dt><dd class="num">{a.cost_minor ? t("cost.minor", { sum: money(a.cost_minor, a.currency) }) : word("cost", a.cost)}</dd></div>
      </dl>
      <div class="alert-act">
        {a.acknowledged ? (
          <p class="taken"><Icon name="person" size="1.1rem" /><span><b>{a.acknowledged.who}</b> <small class="num">{moment(a.acknowledged.at)}</small>{a.acknowledged.note && <q>{a.acknowledged.note}</q>}</span></p>
        ) : null}
        {!over && may("operator") && (a.acknowledged
          ? <Button kind="quiet" disabled={busy} onClick={() => void act(() => post("/alerts/acknowledge", { store_id: a.store_id, key: a.key, since_at: a.since_at, withdraw: true })).then(again)}>{t("alerts.give")}</Button>
          : <Button kind="main" icon="person" onClick={take}>{t("alerts.take")}</Button>)}
      </div>
    </li>
  );
}

function Take({ alert: a, onClose, again }: { alert: Alert; onClose(): void; again(): void }) {
  const [note, setNote] = useState("");
  const [busy, act] = useAct();
  return (
    <Dialog title={t("alerts.take")} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act(() => post("/alerts/acknowledge", { store_id: a.store_id, key: a.key, since_at: a.since_at, note }), t("alerts.taken.done")).then((done) => {
          if (!done) return;
          again();
          onClose();
        });
      }}>
        <p><b>{titleOf(a)}</b><br /><Named id={a.store_id} name={a.name} />, {t("since", { age: span(there() - a.since_at) })}</p>
        <Field label={t("alerts.note")} help={t("alerts.note.more")}><textarea rows={3} maxLength={500} value={note} onInput={(event) => setNote(event.currentTarget.value)} autofocus /></Field>
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{t("alerts.take")}</Button></footer>
      </form>
    </Dialog>
  );
}
