// The report of a shift for people, on the screen and on paper. `?shift=41` names one; the current or last otherwise.
import "../shared/fonts.css";
import "../shared/base.css";
import "./shift-report.css";
import { signal } from "@preact/signals";
import { render } from "preact";
import { Mark } from "../shared/art/Kitchen";
import { Client, Refusal } from "../shared/client";
import { stamp } from "../shared/dates";
import { isLang, lang, languageNames, languages, say, setLang, t, tCode, type Key } from "../shared/i18n";
import { money } from "../shared/money";
import { keepFresh } from "../shared/poll";
import { recall, remember, takeToken } from "../shared/token";
import type { ShiftReport, ShiftSum } from "../shared/types";

const client = new Client("/api/v1", takeToken("shift-report"), "shift-report");
const report = signal<ShiftReport | null>(null);
const trouble = signal<string | null>(null);
const LANG = "galley.shift-report.lang";

const chosen = recall(LANG) ?? navigator.language.slice(0, 2);
setLang(isLang(chosen) ? chosen : "ru");

const root = document.getElementById("app");
if (root) render(<App />, root);
if (client.token) start();

function start(): void {
  const wanted = new URLSearchParams(location.search).get("shift");
  const path = wanted ? `/shift/report?shift=${encodeURIComponent(wanted)}` : "/shift/report";
  keepFresh(async () => {
    try {
      report.value = await client.get<ShiftReport>(path);
      trouble.value = null;
      document.title = t("shift.title", { n: report.value.shift });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      trouble.value = error.status === 404 ? t("shift.none") : error.problem.title;
    }
    // A closed shift does not change any more.
  }, () => (report.peek()?.state === "closed" ? 300_000 : 15_000));
}

function App() {
  if (!client.token) return <main class="standby"><Mark size="5rem" /><h1>{t("token.missing")}</h1><p>{t("token.missing.more")}</p></main>;
  if (trouble.value) return <main class="standby"><Mark size="5rem" /><h1>{trouble.value}</h1></main>;
  const data = report.value;
  if (!data) return <main class="standby"><Mark size="5rem" /><h1>{t("conn.starting")}</h1></main>;
  return (
    <main class="report">
      <header>
        <Mark size="2.6rem" />
        <div>
          <h1>{t("shift.title", { n: data.shift })}</h1>
          <p>{say(data.store)}</p>
        </div>
        <div class="tools">
          <div role="group" aria-label={t("lang.choose")}>
            {languages.map((code) => <button type="button" key={code} lang={code} aria-label={`${code.toUpperCase()} ${languageNames[code]}`} aria-pressed={lang.value === code} onClick={() => { setLang(code); remember(LANG, code); }}>{code.toUpperCase()}</button>)}
          </div>
          <button type="button" class="print" onClick={() => window.print()}>{t("shift.print")}</button>
        </div>
      </header>
      <dl class="facts">
        <Fact name="shift.state" value={tCode("shift.state", data.state)} />
        <Fact name="shift.opened" value={time(data.opened_at, data)} />
        <Fact name="shift.closed" value={time(data.closed_at, data)} />
        <Fact name="shift.documents" value={[data.opening_document, data.closing_document].map((one) => one ?? "…").join(" – ")} />
        <Fact name="shift.drive" value={data.drive_number ?? "–"} />
        <Fact name="shift.registration" value={data.registration_number ?? "–"} />
      </dl>
      <Verdict data={data} />
      <section aria-labelledby="sums">
        <h2 id="sums">{t("shift.sums")}</h2>
        <table>
          <thead><tr><th scope="col" /><th scope="col" class="right">{t("shift.receipts")}</th><th scope="col" class="right">{t("shift.sum")}</th></tr></thead>
          <tbody>
            <Side name="shift.sales" side={data.sales} data={data} />
            <Side name="shift.corrections" side={data.corrections} data={data} part />
            <Side name="shift.returns" side={data.returns} data={data} />
            {data.return_corrections && data.return_corrections.count > 0
              ? <Side name="shift.corrections" side={data.return_corrections} data={data} part />
              : null}
            <tr class="total"><th scope="row">{t("shift.net")}</th><td /><td class="right num">{sum(data.net_minor, data)}</td></tr>
          </tbody>
        </table>
      </section>
      <Drawer data={data} />
      <Counters data={data} />
      <footer>
        <p>{t("shift.made", { at: time(data.made_at, data) })}</p>
        <p class="signature">{t("shift.signature")}</p>
      </footer>
    </main>
  );
}

function Fact({ name, value }: { name: Key; value: string }) {
  return <div><dt>{t(name)}</dt><dd class="num">{value}</dd></div>;
}

/** Whether the printer agrees, in words: colour is gone on paper and for many eyes. */
function Verdict({ data }: { data: ShiftReport }) {
  if (!data.end) return <p class="verdict verdict-unknown">{t("shift.not.counted")}</p>;
  if (data.differences.length === 0) return <p class="verdict verdict-agrees">{t("shift.agrees", { at: time(data.counted_at, data) })}</p>;
  return (
    <section class="verdict verdict-differs" aria-labelledby="differs">
      <h2 id="differs">{t("shift.differs", { n: data.differences.length })}</h2>
      <table>
        <thead><tr><th scope="col" /><th scope="col" class="right">Galley</th><th scope="col" class="right">{t("shift.printer")}</th><th scope="col" class="right">{t("shift.difference")}</th></tr></thead>
        <tbody>
          {data.differences.map((one) => {
            const shown = (value: number) => (one.money ? sum(value, data) : String(value));
            const gap = one.printer - one.galley;
            return (
              <tr key={one.code}>
                <th scope="row">{tCode("shift.diff", one.code)}</th>
                <td class="right num">{shown(one.galley)}</td>
                <td class="right num">{shown(one.printer)}</td>
                <td class="right num"><b>{t(gap > 0 ? "shift.more" : "shift.less", { sum: shown(Math.abs(gap)) })}</b></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Side({ name, side, data, part }: { name: Key; side: ShiftSum; data: ShiftReport; part?: boolean }) {
  if (part && side.count === 0) return null;
  return (
    <>
      <tr class={part ? "part" : "side"}><th scope="row">{t(name)}</th><td class="right num">{side.count}</td><td class="right num">{sum(side.sum_minor, data)}</td></tr>
      {!part && side.tenders.map((one) => (
        <tr class="part" key={one.tender}><th scope="row">{tCode("shift.tender", one.tender)}</th><td /><td class="right num">{sum(one.sum_minor, data)}</td></tr>
      ))}
    </>
  );
}

function Drawer({ data }: { data: ShiftReport }) {
  const drawer = data.drawer;
  const rows: [Key, string][] = [
    ["shift.drawer.start", drawer.start_minor === null ? t("shift.unknown") : sum(drawer.start_minor, data)],
    ["shift.drawer.sales", sum(drawer.sales_minor, data)],
    ["shift.drawer.returns", sum(-drawer.returns_minor, data)],
    ["shift.drawer.in", sum(drawer.in_minor, data)],
    ["shift.drawer.out", sum(-drawer.out_minor, data)],
  ];
  return (
    <section aria-labelledby="drawer">
      <h2 id="drawer">{t("shift.drawer")}</h2>
      <table>
        <tbody>
          {rows.map(([name, value]) => <tr key={name}><th scope="row">{t(name)}</th><td class="right num">{value}</td></tr>)}
          <tr class="total"><th scope="row">{t("shift.drawer.expected")}</th><td class="right num">{sum(drawer.expected_minor, data)}</td></tr>
        </tbody>
      </table>
      {drawer.moves.length > 0 && (
        <ul class="moves">
          {drawer.moves.map((one) => (
            <li key={one.key}>
              <span class="num">{time(one.at, data)}</span>
              <b class="num">{t(one.direction === "in" ? "shift.moved.in" : "shift.moved.out", { sum: sum(one.sum_minor, data) })}</b>
              <span>{one.who}: {one.why}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Counters({ data }: { data: ShiftReport }) {
  const { start, end } = data;
  if (!end) return null;
  const rows: [Key, (of: NonNullable<ShiftReport["end"]>) => string][] = [
    ["shift.count.sales", (of) => `${of.sales.count} / ${sum(of.sales.sum_minor, data)}`],
    ["shift.count.returns", (of) => `${of.returns.count} / ${sum(of.returns.sum_minor, data)}`],
    ["shift.count.in", (of) => `${of.drawer.ins} / ${sum(of.drawer.in_minor, data)}`],
    ["shift.count.out", (of) => `${of.drawer.outs} / ${sum(of.drawer.out_minor, data)}`],
    ["shift.count.cash", (of) => sum(of.drawer.cash_minor, data)],
  ];
  return (
    <section aria-labelledby="counters">
      <h2 id="counters">{t("shift.counters")}</h2>
      <table>
        <thead><tr><th scope="col" /><th scope="col" class="right">{t("shift.at.start")}</th><th scope="col" class="right">{t("shift.at.end")}</th></tr></thead>
        <tbody>
          {rows.map(([name, of]) => <tr key={name}><th scope="row">{t(name)}</th><td class="right num">{start ? of(start) : t("shift.unknown")}</td><td class="right num">{of(end)}</td></tr>)}
        </tbody>
      </table>
    </section>
  );
}

function sum(minor: number, data: ShiftReport): string {
  return money(minor, data.currency, lang.value);
}

/** In the store's zone, in which the printer writes too. */
function time(at: number | null, data: ShiftReport): string {
  return at === null ? "–" : stamp(at, data.zone);
}
