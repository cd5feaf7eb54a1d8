// Menus, prices and settings on their way to the stores: first to the canaries, then to all, and back with one click.
import { useState } from "preact/hooks";
import { Icon } from "../shared/icons";
import { get, post, query } from "./api";
import { count, moment } from "./format";
import { useLoaded } from "./load";
import { Button, Dialog, Empty, Field, Head, Named, Refused, useAct, Waiting, When } from "./parts";
import { t, word } from "./say";
import { link, may, tell } from "./state";
import type { Change, Doc, FleetPage, Rollout } from "./types";

const states = ["applied", "waiting", "planned", "refused", "superseded", "stopped"] as const;

export function Rollouts({ id }: { id: string | undefined }) {
  return id ? <One id={id} /> : <List />;
}

function List() {
  const list = useLoaded<{ rollouts: Rollout[] }>(`/rollouts${query({ limit: 50 })}`);
  const documents = useLoaded<{ documents: Doc[] }>("/documents");
  const [bringing, setBringing] = useState<Doc | null>(null);
  return (
    <>
      <Head title={t("rollouts.title")} sub={t("rollouts.sub")} />
      {list.refused && <Refused text={list.refused} />}
      <section class="panel" aria-labelledby="documents">
        <h2 id="documents">{t("documents.title")}</h2>
        {!documents.value ? <Waiting lines={2} /> : documents.value.documents.length === 0 ? <p class="soft">{t("documents.empty")}</p> : (
          <ul class="documents">
            {documents.value.documents.map((one) => (
              <li key={`${one.kind} ${one.name}`}>
                <span><b>{word("kind", one.kind)}</b> {one.name}<small>{t("revision.n", { n: one.latest.revision })}, {one.latest.by}, <When at={one.latest.at} plain />{one.latest.note && <q>{one.latest.note}</q>}</small></span>
                <span class="num">{t("documents.stores", { n: one.stores })}</span>
                {may("manager") && <Button kind="main" onClick={() => setBringing(one)}>{t("rollouts.bring")}</Button>}
              </li>
            ))}
          </ul>
        )}
      </section>
      {!list.value ? <Waiting /> : list.value.rollouts.length === 0 ? <Empty title={t("rollouts.none")} icon="book">{t("rollouts.none.more")}</Empty> : (
        <ul class="rollouts">{list.value.rollouts.map((one) => <Line key={one.id} rollout={one} />)}</ul>
      )}
      {bringing && <Bring document={bringing} onClose={() => setBringing(null)} again={list.again} />}
    </>
  );
}

function Line({ rollout: r }: { rollout: Rollout }) {
  return (
    <li class="rollout">
      <a href={link(["rollouts", r.id])}><b>{word("kind", r.kind)}</b> {r.name} <span class="num soft">{t("revision.n", { n: r.revision })}</span></a>
      <span class={`pill pill-${r.stage}`}>{word("stage.rollout", r.stage)}</span>
      <Progress counts={r.counts} />
      <small>{r.by}, <When at={r.at} />{r.undoes && ` · ${t("rollouts.undoes")}`}{r.undone && ` · ${t("rollouts.undone")}`}</small>
    </li>
  );
}

function Progress({ counts }: { counts: Record<string, number> }) {
  const all = Math.max(1, Object.values(counts).reduce((sum, n) => sum + n, 0));
  const told = states.filter((one) => counts[one]).map((one) => `${word("rollout", one)}: ${count(counts[one] ?? 0)}`).join(", ");
  return (
    <span class="progress">
      <span class="progress-bar" role="img" aria-label={told}>{states.map((one) => counts[one] ? <i key={one} class={`part-${one}`} style={{ width: `${((counts[one] ?? 0) / all) * 100}%` }} /> : null)}</span>
      <small class="num" aria-hidden="true">{told}</small>
    </span>
  );
}

function Bring({ document: d, onClose, again }: { document: Doc; onClose(): void; again(): void }) {
  const [revision, setRevision] = useState(String(d.latest.revision));
  const [canary, setCanary] = useState("");
  const [busy, act] = useAct();
  const earlier = Number(revision) - 1;
  const changes = useLoaded<{ changes: Change[] }>(earlier >= 1 ? `/documents/${encodeURIComponent(d.kind)}/${encodeURIComponent(d.name)}/diff${query({ from: earlier, to: revision })}` : null, false);
  const canaries = canary.split(/[\s,]+/).filter(Boolean);
  return (
    <Dialog title={t("rollouts.bring")} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act(async () => {
          const known = canaries.length > 0 ? await Promise.all(canaries.map((one) => get(`/stores/${encodeURIComponent(one)}`))) : [];
          await post("/rollouts", { kind: d.kind, name: d.name, revision: Number(revision), stores: "all", ...(known.length > 0 ? { canary: canaries } : {}) });
        }, t("rollouts.begun")).then((done) => {
          if (!done) return;
          again();
          onClose();
        });
      }}>
        <p><b>{word("kind", d.kind)}</b> {d.name}</p>
        <Field label={t("revision")}><input type="number" min={1} max={d.latest.revision} value={revision} onInput={(event) => setRevision(event.currentTarget.value)} /></Field>
        {changes.value && <Changes of={changes.value.changes} />}
        <Field label={t("rollouts.canaries")} help={t("rollouts.canaries.more")}><input value={canary} onInput={(event) => setCanary(event.currentTarget.value)} placeholder="S001, S002" /></Field>
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{canaries.length > 0 ? t("rollouts.to.canaries", { n: canaries.length }) : t("rollouts.to.all")}</Button></footer>
      </form>
    </Dialog>
  );
}

const shown = (value: unknown): string => (value === undefined ? "—" : typeof value === "string" ? value : JSON.stringify(value));

function Changes({ of: list }: { of: Change[] }) {
  if (list.length === 0) return <p class="soft">{t("changes.none")}</p>;
  return (
    <details class="changes" open={list.length <= 12}>
      <summary>{t("changes.n", { n: list.length })}</summary>
      <ul>{list.slice(0, 200).map((one) => <li key={one.path}><code>{one.path}</code> <del>{shown(one.was)}</del> <ins>{shown(one.is)}</ins></li>)}</ul>
    </details>
  );
}

function One({ id }: { id: string }) {
  const { value: r, refused, again } = useLoaded<Rollout>(`/rollouts/${encodeURIComponent(id)}`);
  const names = useLoaded<FleetPage>("/fleet?limit=500", false);
  const [busy, act] = useAct();
  // Asked once, and there was nothing to go back to.
  const [bare, setBare] = useState<string | null>(null);
  const crumbs = <p class="crumbs"><a href={link(["rollouts"])}><Icon name="back" size="1rem" />{t("rollouts.title")}</a></p>;
  if (refused && !r) return <>{crumbs}<Refused text={refused} /></>;
  if (!r) return <>{crumbs}<Waiting /></>;
  const name = (store: string) => names.value?.stores.find((one) => one.store_id === store)?.name ?? store;
  const back = async () => {
    const { rollouts } = await post<{ rollouts: Rollout[] }>(`/rollouts/${r.id}/roll-back`);
    if (rollouts.length === 0) setBare(r.id);
    tell(t(rollouts.length === 0 ? "rollouts.back.nothing" : "rollouts.back.done"));
  };
  const order = ["refused", "waiting", "planned", "applied", "superseded", "stopped"];
  const stores = [...(r.stores ?? [])].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.store_id.localeCompare(b.store_id));
  return (
    <>
      {crumbs}
      <Head title={<>{word("kind", r.kind)} {r.name}</>} sub={<>{t("revision.n", { n: r.revision })} · {r.by}, {moment(r.at)}{r.undone && ` · ${t("rollouts.undone")}`}</>}>
        {may("manager") && (
          <span class="acts">
            {r.stage === "canary" && <Button kind="main" disabled={busy} onClick={() => void act(() => post(`/rollouts/${r.id}/promote`), t("rollouts.promoted")).then(again)}>{t("rollouts.promote")}</Button>}
            {r.stage !== "stopped" && <Button disabled={busy} onClick={() => void act(() => post(`/rollouts/${r.id}/stop`), t("rollouts.stopped")).then(again)}>{t("rollouts.stop")}</Button>}
            {!r.undone && bare !== r.id && <Button kind="warn" icon="undo" disabled={busy} onClick={() => void act(back).then(again)}>{t("rollouts.back")}</Button>}
          </span>
        )}
      </Head>
      <section class="panel"><span class={`pill pill-${r.stage}`}>{word("stage.rollout", r.stage)}</span><Progress counts={r.counts} /></section>
      <div class="table" tabIndex={0} role="region" aria-label={t("rollouts.stores")}>
        <table>
          <thead><tr><th scope="col">{t("column.store")}</th><th scope="col">{t("column.state")}</th><th scope="col">{t("column.when")}</th></tr></thead>
          <tbody>{stores.slice(0, 500).map((one) => (
            <tr key={one.store_id}>
              <th scope="row"><a href={link(["stores", one.store_id, "commands"])}><Named id={one.store_id} name={name(one.store_id)} /></a>{one.canary && <small> {t("rollouts.canary")}</small>}</th>
              <td><span class={`pill pill-${one.state}`}>{word("rollout", one.state)}</span>{one.reason && <small>{one.reason}</small>}</td>
              <td>{one.ended_at ? <When at={one.ended_at} /> : one.sent_at ? <When at={one.sent_at} /> : <i class="soft">—</i>}</td>
            </tr>
          ))}</tbody>
        </table>
      </div>
    </>
  );
}
