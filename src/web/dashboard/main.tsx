import "../shared/fonts.css";
import "../shared/base.css";
import "./dashboard.css";
import { computed, signal } from "@preact/signals";
import { render } from "preact";
import { Mark } from "../shared/art/Kitchen";
import { Client, reachable } from "../shared/client";
import { Icon } from "../shared/icons";
import { isLang, lang, languageNames, languages, say, setLang, t, tCode } from "../shared/i18n";
import { openLive } from "../shared/live";
import { grouped, money } from "../shared/money";
import { keepFresh } from "../shared/poll";
import { recall, remember, takeToken } from "../shared/token";
import type { StoreRow } from "../shared/types";
import { byWorst, conditionOf, alertsOf, type Condition } from "./worst";

const client = new Client("./api/v1", takeToken("hq"), "hq");
const rows = signal<Map<string, StoreRow>>(new Map());
const loaded = signal(false);
const now = signal(Date.now());
const ordered = computed(() => [...rows.value.values()].sort(byWorst));
const LANG = "galley.hq.lang";

const chosen = recall(LANG) ?? navigator.language.slice(0, 2);
setLang(isLang(chosen) ? chosen : "ru");

const root = document.getElementById("app");
if (root) render(<App />, root);

const live = openLive(`${client.base}/live`, client.headers(), ({ kind, data }) => {
  if (kind === "store" && typeof data["store_id"] === "string") {
    rows.value = new Map(rows.peek()).set(data["store_id"], data as unknown as StoreRow);
  } else stores.now();
});
const stores = keepFresh(async () => {
  const { stores: list } = await client.get<{ stores: StoreRow[] }>("/stores");
  rows.value = new Map(list.map((row) => [row.store_id, row]));
  loaded.value = true;
}, () => (live.connected.peek() ? 30_000 : 3000));
setInterval(() => (now.value = Date.now()), 1000);

const icons = { offline: "offline", alert: "alert", lagging: "clock", ok: "check" } as const;

function App() {
  const list = ordered.value;
  const online = list.filter((row) => row.online).length;
  const sales = list.reduce((sum, row) => sum + row.sales_today_minor, 0);
  const needy = list.filter((row) => conditionOf(row) !== "ok").length;
  return (
    <>
      <header class="top">
        <Mark size="3rem" /><span class="display brand">Galley</span><span class="place">{t("hq.name")}</span>
        <p class={`live${reachable.value ? "" : " live-lost"}`} role="status"><span class="dot" aria-hidden="true" />{reachable.value ? t("hq.live") : t("hq.stale")}</p>
        <div class="langs" role="group" aria-label={t("lang.choose")}>
          {languages.map((code) => <button type="button" key={code} lang={code} aria-label={`${code.toUpperCase()} ${languageNames[code]}`} aria-pressed={lang.value === code} onClick={() => { setLang(code); remember(LANG, code); }}>{code.toUpperCase()}</button>)}
        </div>
      </header>
      <main>
        <div class="headline">
          <div><h1>{t("hq.title")}</h1><p>{t("hq.sub")}</p></div>
          <dl class="totals">
            <div><dt>{t("hq.total.stores")}</dt><dd class="num"><b>{online}</b> / {list.length} <small>{t("hq.total.online")}</small></dd></div>
            <div class={needy ? "needy" : ""}><dt>{t("hq.total.need")}</dt><dd class="num"><b>{needy}</b></dd></div>
            <div><dt>{t("hq.sales")}</dt><dd class="num"><b>{money(sales, "RUB", lang.value)}</b></dd></div>
            <div><dt>{t("hq.orders")}</dt><dd class="num"><b>{grouped(list.reduce((sum, row) => sum + row.orders_today, 0), lang.value)}</b></dd></div>
          </dl>
        </div>
        {list.length === 0 ? (
          <div class="empty">{loaded.value ? <><p class="display">{t("hq.empty")}</p><p>{t("hq.empty.more")}</p></> : <p class="display">{t("conn.lost.short")}</p>}</div>
        ) : (
          <div class="table" tabIndex={0} role="region" aria-label={t("hq.title")}>
            <table>
              <thead><tr>
                <th scope="col">{t("hq.store")}</th><th scope="col">{t("hq.state")}</th><th scope="col">{t("hq.seen")}</th>
                <th scope="col" class="right">{t("hq.backlog")}</th><th scope="col" class="right">{t("hq.oldest")}</th><th scope="col">{t("hq.shift")}</th>
                <th scope="col" class="right">{t("hq.sales")}</th><th scope="col" class="right">{t("hq.orders")}</th><th scope="col" class="right">{t("hq.alerts")}</th>
              </tr></thead>
              <tbody>{list.map((row) => <Row key={row.store_id} row={row} />)}</tbody>
            </table>
          </div>
        )}
      </main>
    </>
  );
}

function Row({ row }: { row: StoreRow }) {
  const condition: Condition = conditionOf(row);
  const alerts = alertsOf(row);
  const shift = row.shift?.state ?? "closed";
  return (
    <tr class={`row-${condition}`} data-store={row.store_id}>
      <th scope="row"><span class="store">{say(row.name)}</span><small>{row.store_id} · {t("hq.version")} {row.version}</small></th>
      <td><span class={`state state-${condition}`}><Icon name={icons[condition]} size="1.15rem" />{t(`hq.${condition}`)}</span></td>
      <td class="num">{row.last_seen_at === null ? t("hq.never") : ago(now.value - row.last_seen_at)}</td>
      <td class="num right">{row.backlog > 0 ? <b>{grouped(row.backlog, lang.value)}</b> : "0"}</td>
      <td class="num right">{row.oldest_age_ms ? span(row.oldest_age_ms) : "—"}</td>
      <td>{shift === "open" ? t("hq.shift.open", { n: row.shift?.number ?? "" }) : tCode("hq.shift", shift)}</td>
      <td class="num right">{money(row.sales_today_minor, "RUB", lang.value)}</td>
      <td class="num right">{grouped(row.orders_today, lang.value)}</td>
      <td class="num right">{alerts > 0 ? <b class="alerts">{alerts}</b> : "0"}</td>
    </tr>
  );
}

function ago(ms: number): string {
  return ms < 5000 ? t("hq.now") : t("hq.ago", { age: span(ms) });
}

function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return t("unit.s.short", { n: seconds });
  if (seconds < 3600) return t("unit.min.short", { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t("unit.h.short", { n: Math.floor(seconds / 3600) });
  return t("unit.d.short", { n: Math.floor(seconds / 86_400) });
}
