// Menus, prices and settings on their way to the stores: first to the canaries, then to all, and back with one click.
import { useState } from "preact/hooks";
import { Icon } from "../shared/icons";
import { post, query } from "./api";
import { Documents } from "./documents";
import { count, moment } from "./format";
import { useLoaded } from "./load";
import { Button, Dialog, Empty, Head, Named, Refused, useAct, Waiting, When } from "./parts";
import { t, word } from "./say";
import { link, may, tell } from "./state";
import type { FleetPage, Rollout } from "./types";

const states = ["applied", "waiting", "planned", "refused", "superseded", "stopped"] as const;

export function Rollouts({ id }: { id: string | undefined }) {
  return id ? <One id={id} /> : <List />;
}

function List() {
  const list = useLoaded<{ rollouts: Rollout[] }>(`/rollouts${query({ limit: 50 })}`);
  return (
    <>
      <Head title={t("rollouts.title")} sub={t("rollouts.sub")} />
      {list.refused && <Refused text={list.refused} />}
      <Documents />
      {!list.value ? <Waiting /> : list.value.rollouts.length === 0 ? <Empty title={t("rollouts.none")} icon="book">{t("rollouts.none.more")}</Empty> : (
        <ul class="rollouts">{list.value.rollouts.map((one) => <Line key={one.id} rollout={one} />)}</ul>
      )}
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

function One({ id }: { id: string }) {
  const { value: r, refused, again } = useLoaded<Rollout>(`/rollouts/${encodeURIComponent(id)}`);
  const names = useLoaded<FleetPage>("/fleet?limit=500", false);
  const [busy, act] = useAct();
  // Asked once, and there was nothing to go back to.
  const [bare, setBare] = useState<string | null>(null);
  const [insisting, setInsisting] = useState(false);
  const crumbs = <p class="crumbs"><a href={link(["rollouts"])}><Icon name="back" size="1rem" />{t("rollouts.title")}</a></p>;
  if (refused && !r) return <>{crumbs}<Refused text={refused} /></>;
  if (!r) return <>{crumbs}<Waiting /></>;
  const name = (store: string) => names.value?.stores.find((one) => one.store_id === store)?.name ?? store;
  const back = async () => {
    const { rollouts } = await post<{ rollouts: Rollout[] }>(`/rollouts/${r.id}/roll-back`);
    if (rollouts.length === 0) setBare(r.id);
    tell(t(rollouts.length === 0 ? "rollouts.back.nothing" : "rollouts.back.done"));
  };
  const late = (r.stores ?? []).filter((one) => one.canary && one.state !== "applied");
  const promote = (force: boolean) => act(() => post(`/rollouts/${r.id}/promote`, { force }), t("rollouts.promoted")).then(again);
  const order = ["refused", "waiting", "planned", "applied", "superseded", "stopped"];
  const stores = [...(r.stores ?? [])].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.store_id.localeCompare(b.store_id));
  return (
    <>
      {crumbs}
      <Head title={<>{word("kind", r.kind)} {r.name}</>} sub={<>{t("revision.n", { n: r.revision })} · {r.by}, {moment(r.at)}{r.undone && ` · ${t("rollouts.undone")}`}</>}>
        {may("manager") && (
          <span class="acts">
            {r.stage === "canary" && <Button kind="main" disabled={busy} onClick={() => late.length > 0 ? setInsisting(true) : void promote(false)}>{t("rollouts.promote")}</Button>}
            {r.stage !== "stopped" && <Button disabled={busy} onClick={() => void act(() => post(`/rollouts/${r.id}/stop`), t("rollouts.stopped")).then(again)}>{t("rollouts.stop")}</Button>}
            {!r.undone && bare !== r.id && <Button kind="warn" icon="undo" disabled={busy} onClick={() => void act(back).then(again)}>{t("rollouts.back")}</Button>}
          </span>
        )}
      </Head>
      {insisting && (
        <Dialog title={t("rollouts.late")} onClose={() => setInsisting(false)}>
          <p>{t("rollouts.late.more")}</p>
          <ul>{late.slice(0, 20).map((one) => <li key={one.store_id}><Named id={one.store_id} name={name(one.store_id)} /> <span class={`pill pill-${one.state}`}>{word("rollout", one.state)}</span>{one.reason && <small> {one.reason}</small>}</li>)}</ul>
          <footer><Button onClick={() => setInsisting(false)}>{t("cancel")}</Button><Button kind="warn" disabled={busy} onClick={() => { setInsisting(false); void promote(true); }}>{t("rollouts.insist")}</Button></footer>
        </Dialog>
      )}
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
