// Every store, worst first. Only what is seen is asked for: pages of a hundred lines around the window.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../shared/icons";
import { file, get, query, Refusal } from "./api";
import { count, day, moment, money, span, saysZone } from "./format";
import { Choice, Csv, Empty, Head, Refused, Search, Select, State, Strip, Waiting, When } from "./parts";
import { say, t, word } from "./say";
import { beat, filter, link, route } from "./state";
import { conditions, type Card, type FleetPage } from "./types";
import { useWindow } from "./virtual";

const PAGE = 100;
const sorts = ["worst", "name", "seen", "backlog", "sales", "orders", "version"] as const;
const narrow = matchMedia("(max-width: 760px)");

function useNarrow(): boolean {
  const [is, set] = useState(narrow.matches);
  useEffect(() => {
    const change = () => set(narrow.matches);
    narrow.addEventListener("change", change);
    return () => narrow.removeEventListener("change", change);
  }, []);
  return is;
}

interface Known { wanted: string; top: FleetPage; pages: Map<number, Card[]> }

function usePages(wanted: string, first: number, last: number): { known: Known | null; refused: string | null } {
  const [known, setKnown] = useState<Known | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const asked = useRef(new Set<string>());
  const read = useRef<string>("");
  const tick = beat.value;
  const from = Math.floor(first / PAGE);
  const to = Math.max(from, Math.floor(Math.max(0, last - 1) / PAGE));
  useEffect(() => {
    const anew = read.current !== `${wanted} ${tick}`;
    read.current = `${wanted} ${tick}`;
    for (let page = from; page <= to; page += 1) {
      const id = `${wanted} ${page}`;
      const here = known?.wanted === wanted && known.pages.has(page);
      if (asked.current.has(id) || (here && !anew)) continue;
      asked.current.add(id);
      void get<FleetPage>(`/fleet?${wanted}${wanted ? "&" : ""}strip=1&limit=${PAGE}&offset=${page * PAGE}`)
        .then((top) => {
          setRefused(null);
          setKnown((before) => {
            // An answer to a question that is not asked any more.
            if (!read.current.startsWith(`${wanted} `)) return before;
            const pages = new Map(before?.wanted === wanted ? before.pages : []);
            pages.set(page, top.stores);
            return { wanted, top, pages };
          });
        })
        .catch((error: unknown) => error instanceof Refusal && setRefused(error.message))
        .finally(() => asked.current.delete(id));
    }
  }, [wanted, tick, from, to]);
  return { known, refused };
}

export function Fleet() {
  const q = route.value.query;
  const at = (name: string) => q.get(name) ?? "";
  const wanted = query({ state: at("state"), q: at("q"), version: at("version"), city: at("city"), sort: at("sort") }).slice(1);
  const list = useRef<HTMLDivElement>(null);
  const small = useNarrow();
  const line = small ? 132 : 64;
  const [matching, setMatching] = useState(0);
  const seen = useWindow(list, line, matching);
  const { known, refused } = usePages(wanted, seen.first, seen.last);
  const top = known?.top;
  useEffect(() => setMatching(top?.matching ?? 0), [top?.matching]);

  const rows: (Card | null)[] = [];
  for (let n = seen.first; n < Math.min(seen.last, matching); n += 1) rows.push(known?.pages.get(Math.floor(n / PAGE))?.[n % PAGE] ?? null);
  const all = top ? Object.values(top.conditions).reduce((sum, n) => sum + n, 0) : 0;
  const needy = top ? conditions.slice(0, 4).reduce((sum, one) => sum + (top.conditions[one] ?? 0), 0) : 0;
  const chosen = at("state");
  return (
    <>
      <Head title={t("fleet.title")} sub={t("fleet.sub")}>
        {top && (
          <dl class="totals">
            <div><dt>{t("fleet.online")}</dt><dd class="num"><b>{count(top.online)}</b><small> / {count(top.matching)}</small></dd></div>
            <div class={top.needy ? "needy" : ""}><dt>{t("fleet.needy")}</dt><dd class="num"><b>{count(top.needy)}</b></dd></div>
            <div><dt>{t("fleet.sales")}</dt><dd class="num">{Object.entries(top.sales).map(([currency, minor]) => <b key={currency}>{money(minor, currency)}</b>)}</dd></div>
            <div><dt>{t("fleet.orders")}</dt><dd class="num"><b>{count(top.orders)}</b></dd></div>
            <div><dt>{t("fleet.backlog")}</dt><dd class="num"><b>{count(top.backlog)}</b></dd></div>
          </dl>
        )}
      </Head>
      <div class="filters filters-fleet">
        <Search label={t("fleet.search")} value={at("q")} onSearch={(text) => filter({ q: text })} />
        <Choice label={t("fleet.state")} value={chosen} onChoose={(state) => filter({ state })} options={[
          ["", <>{t("all")} <b class="num">{count(all)}</b></>],
          ["needy", <>{t("fleet.needy.short")} <b class="num">{count(needy)}</b></>],
          ...conditions.filter((one) => (top?.conditions[one] ?? 0) > 0 || chosen === one).map((one): [string, preact.ComponentChildren] => [one, <><i class={`dot dot-${one}`} aria-hidden="true" />{word("state", one)} <b class="num">{count(top?.conditions[one] ?? 0)}</b></>]),
        ]} />
        <span class="filters-side">
          {top && Object.keys(top.versions).length > 1 && <Select label={t("version")} value={at("version")} onChoose={(version) => filter({ version })} options={[["", t("all")], ...Object.entries(top.versions).map(([one, n]): [string, string] => [one, `${one} (${n})`])]} />}
          {at("city") && <button type="button" class="btn btn-quiet" onClick={() => filter({ city: "" })}>{at("city")} <Icon name="close" size="0.9rem" /></button>}
          <Select label={t("sort")} value={at("sort") || "worst"} onChoose={(sort) => filter({ sort: sort === "worst" ? "" : sort })} options={sorts.map((one): [string, string] => [one, word("sort", one)])} />
          <Csv href={file("/fleet.csv", Object.fromEntries(new URLSearchParams(wanted)))} />
        </span>
      </div>
      {refused && <Refused text={refused} />}
      {!top ? <Waiting lines={8} /> : matching === 0 ? (
        all === 0 && !wanted ? <Empty icon="plus" title={t("fleet.none")}>{t("fleet.none.more")}</Empty> : <Empty title={t("fleet.nomatch")}>{t("fleet.nomatch.more")}</Empty>
      ) : (
        <div class="fleet" role="table" aria-label={t("fleet.title")} aria-rowcount={matching + 1}>
          <div class="fleet-head" role="rowgroup">
            <div class="fleet-row" role="row" aria-rowindex={1}>
              {(["store", "state", "day", "seen", "backlog", "shift", "till", "robot", "stock", "sales", "version"] as const).map((one) => <span key={one} role="columnheader" class={`c-${one}`}>{word("column", one)}</span>)}
            </div>
          </div>
          <div ref={list} class="fleet-body" role="rowgroup" style={{ height: `${matching * line}px` }}>
            {rows.map((card, n) => <Line key={seen.first + n} card={card} index={seen.first + n} top={(seen.first + n) * line} />)}
          </div>
        </div>
      )}
    </>
  );
}

function Line({ card: c, index, top }: { card: Card | null; index: number; top: number }) {
  if (!c) return <div class="fleet-row fleet-coming" role="row" aria-rowindex={index + 2} style={{ transform: `translateY(${top}px)` }}><span role="cell">…</span></div>;
  const robot = c.devices["robot"];
  return (
    <div class={`fleet-row is-${c.condition}`} role="row" aria-rowindex={index + 2} data-store={c.store_id} style={{ transform: `translateY(${top}px)` }}>
      <span role="cell" class="c-store"><a href={link(["stores", c.store_id])}>{say(c.name)}</a><small>{[c.store_id, c.place?.city].filter(Boolean).join(" · ")}</small></span>
      <span role="cell" class="c-state"><Standing of={c} /><Why card={c} /></span>
      <span role="cell" class="c-day">{c.strip && <Strip signs={c.strip} zone={c.zone} />}</span>
      <span role="cell" class="c-seen">{c.last_seen_at === null ? t("never") : <When at={c.last_seen_at} bare />}</span>
      <span role="cell" class={`c-backlog num${c.backlog > 0 ? " some" : ""}`}>{c.backlog > 0 ? <>{count(c.backlog)}{c.oldest_age_ms !== null && <small>{span(c.oldest_age_ms)}</small>}</> : <i class="soft">0</i>}</span>
      <span role="cell" class="c-shift">{word("shift", c.shift.state)}{c.shift.number !== null && c.shift.state !== "closed" && <small class="num">№ {c.shift.number}</small>}</span>
      <span role="cell" class="c-till"><Till card={c} /></span>
      <span role="cell" class="c-robot">{robot === undefined ? <i class="soft">—</i> : <span class={`device device-${robot}`}>{word("device", robot)}</span>}</span>
      <span role="cell" class="c-stock">{c.short > 0 ? <span class="short" title={c.shortages.map((one) => say(one)).join(", ")}>{say(c.shortages[0])}{c.short > 1 && <small class="num"> +{c.short - 1}</small>}</span> : <i class="soft">{t("stock.fine")}</i>}</span>
      <span role="cell" class="c-sales num">{money(c.sales_today_minor, c.currency)}<small>{t("orders.n", { n: c.orders_today })}</small></span>
      <span role="cell" class="c-version num soft">{c.version || "—"}</span>
    </div>
  );
}

/** How the store is. */
export function Standing({ of: c }: { of: Card }) {
  return <State of={c.condition} />;
}

/** In a few words, why the store is as it is. */
export function Why({ card: c }: { card: Card }) {
  if (c.barred) return <small title={c.barred.why}>{c.barred.why}</small>;
  switch (c.condition) {
    case "blocked":
    case "paused":
      return <small title={c.stopped_by?.why}>{word("stopped", c.stopped ?? "")}{c.stopped_by && `: ${c.stopped_by.who}, ${c.stopped_by.why}`}</small>;
    case "alert":
    case "warning":
      return <small title={c.worst ?? ""}>{c.refused ? t("refused") : c.worst}</small>;
    case "closed":
      return c.until_at ? <small>{t("opens", { at: moment(c.until_at, c.zone) })}{saysZone(c.zone, c.until_at)}</small> : null;
    case "offline":
      return c.until_at ? <small>{t("open.until", { at: moment(c.until_at, c.zone) })}{saysZone(c.zone, c.until_at)}</small> : null;
    default:
      return null;
  }
}

const DAYS_30 = 30 * 86_400_000;

export function Till({ card: c }: { card: Card }) {
  const left = c.till.drive_until === null ? null : c.till.drive_until - Date.now();
  if (c.till.ofd_unsent > 0) return <span class="short">{t("ofd.waits", { n: c.till.ofd_unsent })}{c.till.ofd_since !== null && <small>{span(Date.now() - c.till.ofd_since)}</small>}</span>;
  if (c.till.drive_warns || (left !== null && left < DAYS_30)) return <span class="short">{t("drive.ends")}{c.till.drive_until !== null && <small>{day(new Date(c.till.drive_until).toISOString().slice(0, 10))}</small>}</span>;
  if (!c.till.drive) return <i class="soft">—</i>;
  return <i class="soft">{t("till.fine")}</i>;
}
