// One order: what was sold, paid, receipted; and everything that happened to it, with the time between.
import { Icon, type IconName } from "../shared/icons";
import { exact, money, moment, span, zoneName } from "./format";
import { useLoaded } from "./load";
import { Head, Named, Refused, Waiting } from "./parts";
import { say, t, word } from "./say";
import { link } from "./state";
import type { EventLine, Story } from "./types";

const icons: Record<string, IconName> = { order: "plate", payment: "card", receipt: "receipt", correction: "receipt", cook: "robot", refund: "undo", stock: "bag", alert: "alert", effect: "person", mark: "qr", message: "message", accounting: "book" };
/** What went wrong on the way. */
const bad = new Set(["payment.declined", "cook.failed", "refund.refused", "order.expired", "order.cancelled"]);
const good = new Set(["order.paid", "receipt.registered", "cook.plated", "order.closed", "payment.captured", "refund.done", "correction.registered"]);

export function Order({ store, id }: { store: string; id: string }) {
  const { value, refused } = useLoaded<Story>(`/stores/${encodeURIComponent(store)}/orders/${id}`);
  const crumbs = <p class="crumbs"><a href={link([])}><Icon name="back" size="1rem" />{t("nav.fleet")}</a><a href={link(["stores", store, "orders"])}>{value ? say(value.name) : store}</a></p>;
  if (refused && !value) return <>{crumbs}<Refused text={refused} /></>;
  if (!value) return <>{crumbs}<Waiting lines={6} /></>;
  const o = value.order;
  const kept = o.captured_minor - o.refunded_minor;
  const papers = o.receipted_minor - o.returned_minor + o.elsewhere_minor;
  return (
    <>
      {crumbs}
      <Head title={t("order.title", { n: o.number })} sub={<><Named id={value.store_id} name={value.name} /> · {moment(o.placed_at, value.zone)}{value.zone && ` · ${t("store.zone", { zone: zoneName(value.zone) })}`}</>}>
        <span class={`state ${o.unequal ? "state-alert" : o.waiting ? "state-lagging" : "state-ok"}`}><Icon name={o.unequal ? "alert" : o.waiting ? "clock" : "check"} size="1rem" />{word("order", o.state)}</span>
      </Head>
      <section class="equation" aria-label={t("books.title")}>
        <div class="term"><span>{t("order.sold")}</span><b class="num">{money(o.sold_minor, o.currency)}</b><small>{t("order.of", { sum: money(o.total_minor, o.currency) })}</small></div>
        <i class={kept === o.sold_minor ? "same" : "differs"} role="img" aria-label={kept === o.sold_minor ? t("books.same") : t("books.differs")}>{kept === o.sold_minor ? "=" : "≠"}</i>
        <div class="term"><span>{t("books.payments")}</span><b class="num">{money(kept, o.currency)}</b>{o.refunded_minor > 0 && <small>{t("order.back", { sum: money(o.refunded_minor, o.currency) })}</small>}</div>
        <i class={kept === papers ? "same" : "differs"} role="img" aria-label={kept === papers ? t("books.same") : t("books.differs")}>{kept === papers ? "=" : "≠"}</i>
        <div class="term"><span>{t("books.receipts")}</span><b class="num">{money(papers, o.currency)}</b>{o.returned_minor > 0 && <small>{t("order.returned", { sum: money(o.returned_minor, o.currency) })}</small>}</div>
        <div class="term term-last"><span>{t("order.dishes")}</span><b class="num">{o.plated} / {o.dishes}</b></div>
      </section>
      {value.now && <ul class="dishes">{value.now.lines.map((one, n) => <li key={n}><b class="num">{one.quantity} ×</b> {say(one.name)}</li>)}</ul>}
      <h2>{t("order.story")}</h2>
      <ol class="story">{value.events.map((one, n) => <Step key={one.seq} event={one} before={value.events[n - 1]} zone={value.zone} />)}</ol>
    </>
  );
}

function Step({ event: e, before, zone }: { event: EventLine; before: EventLine | undefined; zone: string }) {
  const group = e.kind.split(".")[0] ?? "";
  const gap = before ? e.at - before.at : 0;
  return (
    <li class={`step${bad.has(e.kind) ? " step-bad" : good.has(e.kind) ? " step-good" : ""}`} data-kind={e.kind}>
      <time class="num" dateTime={new Date(e.at).toISOString()}>{exact(e.at, zone)}{gap >= 1000 && <small>+{span(gap)}</small>}</time>
      <span class="step-sign"><Icon name={icons[group] ?? "check"} size="1.15rem" /></span>
      <div>
        <b>{word("event", e.kind)}</b> <span class="soft">{said(e)}</span>
        <details><summary>{t("event.raw", { n: e.seq })}</summary><p class="soft">{t("event.by", { who: e.actor, at: moment(e.received_at, zone) })}</p><pre>{JSON.stringify(e.body, null, 1)}</pre></details>
      </div>
    </li>
  );
}

/** What of an event's body says something at a glance. */
function said(e: EventLine): string {
  const body = e.body ?? {};
  const text = (name: string) => (typeof body[name] === "string" || typeof body[name] === "number" ? String(body[name]) : "");
  const inside = (name: string, key: string): string => {
    const one = body[name];
    const found = typeof one === "object" && one !== null ? (one as Record<string, unknown>)[key] : undefined;
    return typeof found === "string" || typeof found === "number" ? String(found) : "";
  };
  const sum = (minor: string) => (minor ? money(Number(minor), "RUB").replace(/\u00a0.*$/, "") : "");
  const parts: Record<string, string[]> = {
    "payment.started": [word("tender", inside("payment", "tender")), sum(inside("payment", "amount_minor")), attempt(inside("payment", "attempt"))],
    "payment.captured": [sum(text("amount_minor")), text("reference")],
    "payment.declined": [text("reason")],
    "payment.closed": [text("reason")],
    "receipt.requested": [sum(inside("draft", "total_minor"))],
    "receipt.registered": [t("fiscal.document", { n: inside("registered", "document_number") }), inside("registered", "drive_number")],
    "cook.requested": [attempt(text("attempt"))],
    "cook.progressed": [word("stage", text("stage"))],
    "cook.plated": [text("slot")],
    "cook.failed": [text("reason")],
    "refund.requested": [sum(inside("refund", "amount_minor")), inside("refund", "reason")],
    "refund.refused": [text("reason")],
    "order.cancelled": [text("reason")],
    "effect.settled": [text("outcome"), text("reason")],
  };
  return (parts[e.kind] ?? []).filter(Boolean).join(" · ");
}

function attempt(n: string): string {
  return Number(n) > 1 ? t("attempt", { n }) : "";
}
