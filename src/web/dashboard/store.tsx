// One store: how it is, what needs somebody, what it sold; its orders, events and commands.
import type { ComponentChildren } from "preact";
import { Icon } from "../shared/icons";
import { query } from "./api";
import { Commands } from "./commands";
import { AlertList } from "./alerts";
import { Aside } from "./aside";
import { Standing, Why } from "./fleet";
import { count, date, day, moment, money, span, there, zoneName } from "./format";
import { useLoaded } from "./load";
import { Choice, Empty, Head, Refused, Strip, Waiting, When } from "./parts";
import { PlotGrid, Range } from "./plots";
import { say, t, word } from "./say";
import { filter, link, may, route } from "./state";
import type { AlertPage, Details, EventLine, OrderLine, Shortage } from "./types";

const tabs = ["", "orders", "events", "aside", "commands"] as const;

export function Store({ id, tab }: { id: string; tab: string }) {
  const { value, refused } = useLoaded<Details>(`/stores/${encodeURIComponent(id)}`);
  if (refused && !value) return <><Crumbs /><Refused text={refused} /></>;
  if (!value) return <><Crumbs /><Waiting lines={6} /></>;
  return (
    <>
      <Crumbs />
      <Head title={say(value.name)} sub={<>{[value.store_id, value.place?.city, value.version && t("version.n", { version: value.version }), value.zone && t("store.zone", { zone: zoneName(value.zone) })].filter(Boolean).join(" · ")}{may("manager") && <> · <a href={link(["map"], { place: value.store_id })}>{t(value.place ? "place.move" : "place.put")}</a></>}</>}>
        <span class="big-state"><Standing of={value} />{!value.barred && <Why card={value} />}</span>
      </Head>
      {value.barred && <p class="note" data-barred>{t("store.barred", { at: moment(value.barred.at), why: value.barred.why, who: value.barred.by })}</p>}
      <nav class="tabs" aria-label={say(value.name)}>
        {tabs.filter((one) => one !== "aside" || value.unproven > 0 || tab === "aside").map((one) => <a key={one} href={link(["stores", id, one].filter(Boolean))} aria-current={tab === one ? "page" : undefined}>{word("tab", one || "overview")}</a>)}
      </nav>
      {tab === "orders" ? <Orders id={id} zone={value.zone} /> : tab === "events" ? <Events id={id} zone={value.zone} /> : tab === "aside" ? <Aside id={id} /> : tab === "commands" ? <Commands id={id} /> : <Overview of={value} />}
    </>
  );
}

function Crumbs() {
  return <p class="crumbs"><a href={link([])}><Icon name="back" size="1rem" />{t("nav.fleet")}</a></p>;
}

function Fact({ label, children, bad = false }: { label: string; children: ComponentChildren; bad?: boolean }) {
  return <div class={bad ? "bad" : ""}><dt>{label}</dt><dd>{children}</dd></div>;
}

function Overview({ of: s }: { of: Details }) {
  const hours = Number(route.value.query.get("hours") ?? 24);
  const alerts = useLoaded<AlertPage>(`/alerts${query({ store: s.store_id })}`);
  const devices = Object.entries(s.devices);
  return (
    <>
      <section class="panel" aria-labelledby="heard">
        <h2 id="heard">{t("store.heard")}</h2>
        <Strip signs={s.strip} tall zone={s.zone} />
        <p class="legend">{(["o", "l", "g", "none"] as const).map((one) => <span key={one}><i class={`sign sign-${one}`} aria-hidden="true" />{word("sign", one)}</span>)}</p>
      </section>
      <dl class="facts">
        <Fact label={t("column.seen")} bad={s.condition === "offline"}>{s.last_seen_at === null ? t("never") : <When at={s.last_seen_at} />}<small>{s.open ? (s.until_at ? t("open.until", { at: moment(s.until_at, s.zone) }) : t("open.always")) : s.until_at ? t("opens", { at: moment(s.until_at, s.zone) }) : t("closed.now")}</small></Fact>
        <Fact label={t("fleet.sales")}><span class="num">{money(s.sales_today_minor, s.currency)}</span><small>{t("orders.n", { n: s.orders_today })}</small></Fact>
        <Fact label={t("column.backlog")} bad={(s.oldest_age_ms ?? 0) > 30_000}><span class="num">{count(s.backlog)}</span><small>{s.oldest_age_ms ? t("backlog.oldest", { age: span(s.oldest_age_ms) }) : t("events.n", { n: s.events })}</small></Fact>
        <Fact label={t("column.shift")}>{word("shift", s.shift.state)}<small class="num">{s.shift.number !== null && `№ ${s.shift.number}`}{s.till.shift_opened_at !== null && ` · ${span(there() - s.till.shift_opened_at)}`}</small></Fact>
        <Fact label={t("till.ofd")} bad={s.till.ofd_unsent > 0}>{s.till.ofd_unsent > 0 ? t("ofd.waits", { n: s.till.ofd_unsent }) : t("ofd.fine")}<small>{s.till.ofd_since !== null && t("since", { age: span(there() - s.till.ofd_since) })}</small></Fact>
        <Fact label={t("till.drive")} bad={s.till.drive_warns}>{s.till.drive_until ? t("until", { day: date(s.till.drive_until, s.zone) }) : "—"}<small class="num">{s.till.drive}</small></Fact>
        {devices.map(([name, state]) => <Fact key={name} label={word("device.name", name)} bad={state !== "up"}><span class={`device device-${state}`}>{word("device", state)}</span></Fact>)}
        {s.stopped && <Fact label={t("store.sells")} bad>{word("stopped", s.stopped)}{s.stopped_by && <small>{t("store.stopped", { who: s.stopped_by.who, at: moment(s.stopped_by.since_at, s.zone), why: s.stopped_by.why })}</small>}</Fact>}
      </dl>
      <div class="columns">
        <section class="panel" aria-labelledby="alerts">
          <h2 id="alerts">{t("alerts.title")}</h2>
          {alerts.value ? <AlertList alerts={alerts.value.alerts} again={alerts.again} store={false} /> : <Waiting lines={2} />}
        </section>
        <section class="panel" aria-labelledby="stock"><h2 id="stock">{t("store.short")}</h2><Stock of={s.shortages_all} /></section>
      </div>
      <div class="section-head"><h2>{t("plots.title")}</h2><Range hours={hours} /></div>
      <PlotGrid hours={hours} store={s.store_id} currency={s.currency} zone={s.zone} shown={["sales", "cook", "oldest", "uplink"]} />
      <section class="panel" aria-labelledby="days">
        <h2 id="days">{t("store.days")}</h2>
        {s.days.length === 0 ? <p class="soft">{t("orders.none")}</p> : (
          <div class="table"><table>
            <thead><tr><th scope="col">{t("column.day2")}</th><th scope="col" class="right">{t("fleet.orders")}</th><th scope="col" class="right">{t("sales")}</th><th scope="col" class="right">{t("returns")}</th><th scope="col">{t("books.title")}</th></tr></thead>
            <tbody>{s.days.map((one) => (
              <tr key={one.day}>
                <th scope="row"><a href={link(["stores", s.store_id, "orders"], { day: one.day })}>{day(one.day)}</a></th>
                <td class="num right">{count(one.orders)}</td><td class="num right">{money(one.sales_minor, s.currency)}</td><td class="num right">{one.returns_minor ? money(one.returns_minor, s.currency) : <i class="soft">—</i>}</td>
                <td>{one.unequal > 0 ? <a class="bad-link" href={link(["stores", s.store_id, "orders"], { day: one.day, unequal: 1 })}>{t("books.unequal", { n: one.unequal })}</a> : one.waiting > 0 ? t("books.waiting", { n: one.waiting }) : <i class="soft">{t("books.same")}</i>}</td>
              </tr>
            ))}</tbody>
          </table></div>
        )}
      </section>
    </>
  );
}

function Stock({ of: list }: { of: Shortage[] }) {
  if (list.length === 0) return <p class="soft">{t("stock.fine")}</p>;
  return (
    <ul class="stock">
      {list.map((one) => (
        <li key={one.id}>
          <span>{say(one.name)}</span>
          <span class="bar" aria-hidden="true"><i style={{ width: `${Math.max(2, Math.min(100, (one.available / Math.max(1, one.enough)) * 100))}%` }} /></span>
          <b class="num">{amount(one.available, one.unit)}</b><small class="num">{t("of", { n: amount(one.enough, one.unit) })}</small>
        </li>
      ))}
    </ul>
  );
}

function amount(n: number, unit: string): string {
  if (unit === "mg") return n >= 1_000_000 || n <= -1_000_000 ? t("unit.kg", { n: (n / 1_000_000).toFixed(1) }) : t("unit.g", { n: Math.round(n / 1000) });
  if (unit === "ul") return n >= 1_000_000 ? t("unit.l", { n: (n / 1_000_000).toFixed(1) }) : t("unit.ml", { n: Math.round(n / 1000) });
  return t("unit.piece", { n });
}

function Orders({ id, zone }: { id: string; zone: string }) {
  const q = route.value.query;
  const values = { day: q.get("day") ?? "", unequal: q.get("unequal") ?? "", state: q.get("state") ?? "" };
  const { value, refused } = useLoaded<{ orders: OrderLine[] }>(`/stores/${encodeURIComponent(id)}/orders${query(values)}`);
  return (
    <>
      <div class="filters">
        <label class="select"><span>{t("column.day2")}</span><input type="date" value={values.day} onChange={(event) => filter({ day: event.currentTarget.value })} /></label>
        <Choice label={t("books.title")} value={values.unequal} onChoose={(one) => filter({ unequal: one })} options={[["", t("all")], ["1", t("orders.unequal")]]} />
        {values.day && <button type="button" class="btn btn-quiet" onClick={() => filter({ day: "" })}>{day(values.day)} <Icon name="close" size="0.9rem" /></button>}
      </div>
      {refused && <Refused text={refused} />}
      {!value ? <Waiting /> : value.orders.length === 0 ? <Empty title={t("orders.none")} icon="plate" /> : (
        <div class="table" tabIndex={0} role="region" aria-label={word("tab", "orders")}>
          <table>
            <thead><tr>
              <th scope="col">№</th><th scope="col">{t("order.placed")}</th><th scope="col">{t("column.state")}</th><th scope="col" class="right">{t("order.total")}</th>
              <th scope="col" class="right">{t("books.payments")}</th><th scope="col" class="right">{t("books.receipts")}</th><th scope="col" class="right">{t("order.dishes")}</th>
            </tr></thead>
            <tbody>{value.orders.map((o) => {
              const kept = o.captured_minor - o.refunded_minor;
              const papers = o.receipted_minor - o.returned_minor + o.elsewhere_minor;
              return (
                <tr key={o.order_id} class={o.unequal ? "book-different" : o.waiting ? "book-waiting" : ""} data-order={o.order_id}>
                  <th scope="row"><a class="num" href={link(["stores", id, "orders", o.order_id])}>{o.number}</a></th>
                  <td><When at={o.placed_at} plain zone={zone} /></td>
                  <td>{word("order", o.state)}</td>
                  <td class="num right">{money(o.total_minor, o.currency)}</td>
                  <td class={`num right${kept !== o.sold_minor ? " off" : ""}`}>{money(kept, o.currency)}</td>
                  <td class={`num right${papers !== kept ? " off" : ""}`}>{money(papers, o.currency)}</td>
                  <td class="num right">{o.plated} / {o.dishes}</td>
                </tr>
              );
            })}</tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Events({ id, zone }: { id: string; zone: string }) {
  const q = route.value.query;
  const before = q.get("before") ?? "";
  const { value, refused } = useLoaded<{ events: EventLine[] }>(`/stores/${encodeURIComponent(id)}/events${query({ before, kind: q.get("kind") ?? "" })}`);
  if (refused) return <Refused text={refused} />;
  if (!value) return <Waiting />;
  const last = value.events.at(-1);
  return (
    <>
      {value.events.length === 0 ? <Empty title={t("events.none")} icon="book" /> : (
        <div class="table" tabIndex={0} role="region" aria-label={word("tab", "events")}>
          <table>
            <thead><tr><th scope="col" class="right">№</th><th scope="col">{t("column.when")}</th><th scope="col">{t("column.what")}</th><th scope="col">{t("column.who")}</th><th scope="col">{t("column.order")}</th></tr></thead>
            <tbody>{value.events.map((e) => (
              <tr key={e.seq}>
                <td class="num right soft">{e.seq}</td><td><When at={e.at} plain zone={zone} /></td>
                <td><details><summary>{word("event", e.kind)} <small class="soft">{e.kind}</small></summary><pre>{JSON.stringify(e.body, null, 1)}</pre></details></td>
                <td>{e.actor}</td><td>{e.order_id && <a href={link(["stores", id, "orders", e.order_id])}>{t("order.open")}</a>}</td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
      <p class="pager">{before && <a class="btn btn-plain" href={link(["stores", id, "events"])}>{t("newest")}</a>}{last && last.seq > 1 && value.events.length >= 100 && <a class="btn btn-plain" href={link(["stores", id, "events"], { before: last.seq })}>{t("older")}</a>}</p>
    </>
  );
}
