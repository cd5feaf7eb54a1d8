// The books: orders = payments = receipts = accounting, to the kopeck, per day and store.
import { Icon } from "../shared/icons";
import { file, query } from "./api";
import { count, day, iso, money, there } from "./format";
import { useLoaded } from "./load";
import { Choice, Csv, Empty, Head, Named, Refused, Waiting } from "./parts";
import { t, word } from "./say";
import { filter, link, route } from "./state";
import type { BookLine, Books as Answer } from "./types";

const spans = [1, 7, 31] as const;

export function Books() {
  const q = route.value.query;
  const today = iso(there());
  const days = Number(q.get("days") ?? 7);
  const from = q.get("from") || iso(there() - (days - 1) * 86_400_000);
  const to = q.get("to") || iso(there() + 86_400_000);
  const values = { from, to, state: q.get("state") ?? "", store: q.get("store") ?? "" };
  const { value, refused } = useLoaded<Answer>(`/books${query(values)}`);
  return (
    <>
      <Head title={t("books.title")} sub={t("books.sub")} />
      <div class="filters">
        <Choice label={t("books.days")} value={q.get("from") ? "" : String(days)} onChoose={(n) => filter({ days: n === "7" ? "" : n, from: "", to: "" })} options={spans.map((n): [string, string] => [String(n), n === 1 ? t("today") : t("days.n", { n })])} />
        <label class="select"><span>{t("from")}</span><input type="date" value={from} max={today} onChange={(event) => filter({ from: event.currentTarget.value, to: to || today })} /></label>
        <label class="select"><span>{t("to")}</span><input type="date" value={to} onChange={(event) => filter({ to: event.currentTarget.value, from })} /></label>
        <Choice label={t("fleet.state")} value={values.state} onChoose={(one) => filter({ state: one })} options={[
          ["", t("all")],
          ["different", <><i class="dot dot-alert" aria-hidden="true" />{word("book", "different")} <b class="num">{count(value?.different ?? 0)}</b></>],
          ["waiting", <><i class="dot dot-lagging" aria-hidden="true" />{word("book", "waiting")} <b class="num">{count(value?.waiting ?? 0)}</b></>],
          ["equal", <><i class="dot dot-ok" aria-hidden="true" />{word("book", "equal")} <b class="num">{count(value?.equal ?? 0)}</b></>],
        ]} />
        <span class="filters-side">
          {values.store && <button type="button" class="btn btn-quiet" onClick={() => filter({ store: "" })}>{values.store} <Icon name="close" size="0.9rem" /></button>}
          <Csv href={file("/books.csv", values)} />
        </span>
      </div>
      {refused && <Refused text={refused} />}
      {!value ? <Waiting /> : (
        <>
          {Object.entries(value.totals).map(([currency, sum]) => (
            <section key={currency} class="equation" aria-label={t("books.sums", { currency })}>
              <Term label={t("books.orders")} minor={sum.orders_minor} currency={currency} more={t("orders.n", { n: sum.orders })} />
              <Sign same={sum.orders_minor === sum.payments_minor} />
              <Term label={t("books.payments")} minor={sum.payments_minor} currency={currency} />
              <Sign same={sum.payments_minor === sum.receipts_minor} />
              <Term label={t("books.receipts")} minor={sum.receipts_minor} currency={currency} more={sum.elsewhere_minor ? t("books.elsewhere", { sum: money(sum.elsewhere_minor, currency) }) : undefined} />
              {(sum.booked_minor !== 0 || sum.accounted_minor !== 0 || value.lines.some((one) => !one.no_accounting)) && <>
              <Sign same={sum.booked_minor === sum.accounted_minor} />
              <Term label={t("books.accounted")} minor={sum.accounted_minor} currency={currency} more={sum.booked_minor !== sum.receipts_minor - sum.elsewhere_minor + sum.corrections_minor ? t("books.alone") : undefined} />
              </>}
            </section>
          ))}
          {value.lines.length === 0 ? <Empty title={t("books.none")} icon="book" /> : <Table lines={value.lines} />}
        </>
      )}
    </>
  );
}

function Term({ label, minor, currency, more }: { label: string; minor: number; currency: string; more?: string | undefined }) {
  return <div class="term"><span>{label}</span><b class="num">{money(minor, currency)}</b>{more && <small>{more}</small>}</div>;
}

function Sign({ same }: { same: boolean }) {
  return <i class={same ? "same" : "differs"} role="img" aria-label={same ? t("books.same") : t("books.differs")}>{same ? "=" : "≠"}</i>;
}

function Table({ lines }: { lines: BookLine[] }) {
  return (
    <div class="table" tabIndex={0} role="region" aria-label={t("books.title")}>
      <table>
        <thead><tr>
          <th scope="col">{t("column.day2")}</th><th scope="col">{t("column.store")}</th><th scope="col">{t("column.state")}</th>
          <th scope="col" class="right">{t("books.orders")}</th><th scope="col" class="right">{t("books.payments")}</th>
          <th scope="col" class="right">{t("books.receipts")}</th><th scope="col" class="right">{t("books.accounted")}</th><th scope="col">{t("books.why")}</th>
        </tr></thead>
        <tbody>{lines.map((one) => <Line key={`${one.day} ${one.store_id}`} line={one} />)}</tbody>
      </table>
    </div>
  );
}

const icons = { different: "alert", waiting: "clock", equal: "check" } as const;

function Line({ line: l }: { line: BookLine }) {
  const booked = l.receipts_minor - l.elsewhere_minor + l.corrections_minor;
  const off = (value: number, than: number, less: boolean) => (value === than || less ? "" : " off");
  const some = l.waiting + l.unequal > 0 || l.state === "different";
  const target = link(["stores", l.store_id, "orders"], { day: l.day, ...(l.waiting + l.unequal > 0 ? { unequal: 1 } : {}) });
  return (
    <tr class={`book-${l.state}`} data-store={l.store_id} data-day={l.day}>
      <td class="num">{day(l.day)}</td>
      <th scope="row"><a href={target}><Named id={l.store_id} name={l.name} /></a></th>
      <td><span class={`state state-small state-${l.state === "different" ? "alert" : l.state === "waiting" ? "lagging" : "ok"}`}><Icon name={icons[l.state]} size="0.95rem" />{word("book", l.state)}</span></td>
      <td class="num right">{money(l.orders_minor, l.currency)}<small>{t("orders.n", { n: l.orders })}</small></td>
      <td class={`num right${off(l.payments_minor, l.orders_minor, false)}`}>{money(l.payments_minor, l.currency)}<Off by={l.payments_minor - l.orders_minor} currency={l.currency} /></td>
      <td class={`num right${off(l.receipts_minor, l.payments_minor, false)}`}>{money(l.receipts_minor, l.currency)}<Off by={l.receipts_minor - l.payments_minor} currency={l.currency} /></td>
      <td class={`num right${off(l.accounted_minor, booked, l.unposted > 0 || l.no_accounting)}`}>{(l.unposted > 0 || l.no_accounting) && l.accounted_minor === 0 ? "—" : money(l.accounted_minor, l.currency)}{l.unposted === 0 && !l.no_accounting && <Off by={l.accounted_minor - booked} currency={l.currency} />}</td>
      <td class="why">
        {l.unequal > 0 && <a href={link(["stores", l.store_id, "orders"], { day: l.day, unequal: 1 })}>{t("books.unequal", { n: l.unequal })}</a>}
        {l.waiting > 0 && <a href={link(["stores", l.store_id, "orders"], { day: l.day, unequal: 1 })}>{t("books.waiting", { n: l.waiting })}</a>}
        {l.unposted > 0 && <span>{t("books.unposted", { n: l.unposted })}</span>}
        {l.corrections_minor !== 0 && <span>{t("books.corrections", { sum: money(l.corrections_minor, l.currency) })}</span>}
        {!some && l.unposted === 0 && <i class="soft">—</i>}
      </td>
    </tr>
  );
}

function Off({ by, currency }: { by: number; currency: string }) {
  if (by === 0) return null;
  return <small class="by">{by > 0 ? "+" : ""}{money(by, currency)}</small>;
}
