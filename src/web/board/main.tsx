import "../shared/fonts.css";
import "../shared/base.css";
import "./board.css";
import { signal } from "@preact/signals";
import { render } from "preact";
import { Mark } from "../shared/art/Kitchen";
import { Client } from "../shared/client";
import { Icon } from "../shared/icons";
import { isLang, languages, say, setLang, t, type Key } from "../shared/i18n";
import { openLive } from "../shared/live";
import { keepFresh } from "../shared/poll";
import { takeToken } from "../shared/token";
import type { BoardData, Lang, StoreInfo } from "../shared/types";

const client = new Client("/api/v1", takeToken("board"), "board");
const board = signal<BoardData | null>(null);
const readAt = signal(0);
const now = signal(performance.now());
const store = signal<StoreInfo | null>(null);
const fresh = signal<readonly string[]>([]);

/** Older than this the board says so: it would rather admit its age than call a wrong number. */
const STALE_S = 15;

const root = document.getElementById("app");
if (root) render(<App />, root);
if (client.token) start();

function start(): void {
  const live = openLive(`${client.base}/live`, client.headers(), ({ kind }) => {
    if (/^(order|payment|cook|receipt|refund|hello)/.test(kind)) numbers.now();
  });
  const numbers = keepFresh(async () => {
    const next = await client.get<BoardData>("/board");
    const before = new Set(board.peek()?.ready.map((one) => one.number));
    if (board.peek()) fresh.value = next.ready.map((one) => one.number).filter((one) => !before.has(one)).concat(fresh.peek()).slice(0, 4);
    board.value = next;
    readAt.value = performance.now();
  }, () => (live.connected.peek() ? 5000 : 1500));
  keepFresh(async () => {
    store.value = await client.get<StoreInfo>("/store");
    const first = store.value.languages[0];
    if (isLang(first)) setLang(first);
  }, () => (store.peek() ? 60_000 : 2000));
  setInterval(() => (now.value = performance.now()), 1000);
}

function App() {
  const data = board.value;
  if (!client.token) return <main class="standby"><Mark size="6rem" /><h1>{t("token.missing")}</h1><p>{t("token.missing.more")}</p></main>;
  if (!data) return <main class="standby"><Mark size="6rem" /><h1>{t("conn.starting")}</h1><p>{t("conn.starting.more")}</p></main>;
  return (
    <div class="board">
      <header>
        <Mark size="3.6rem" /><span class="display brand">Galley</span>
        <h1 class="hidden-visually">{t("board.title")}</h1>
        <span class="place">{say(store.value?.name)}</span>
        <Age />
      </header>
      <main>
        <section class="column preparing" aria-labelledby="preparing">
          <h2 id="preparing"><Words of="board.preparing" /></h2>
          <Numbers list={data.preparing.map((one) => one.number)} empty="board.none.preparing" room={12} />
        </section>
        <section class="column ready" aria-labelledby="ready">
          <h2 id="ready"><Icon name="check" size="3.6rem" /><Words of="board.ready" /></h2>
          <div aria-live="polite"><Numbers list={data.ready.map((one) => one.number)} empty="board.none.ready" room={8} large /></div>
        </section>
      </main>
      <Cooking data={data} />
    </div>
  );
}

/** The board speaks to everybody in the room: the store's language large, the others below. */
function Words({ of }: { of: Key }) {
  const first = store.value?.languages[0] ?? "ru";
  const others = languages.filter((one: Lang) => one !== first);
  return (
    <span class="words">
      <span>{t(of, {}, first)}</span>
      <small>{others.map((one, i) => <span key={one}>{i > 0 && " · "}<span lang={one}>{t(of, {}, one)}</span></span>)}</small>
    </span>
  );
}

function Numbers(props: { list: string[]; empty: Key; room: number; large?: boolean }) {
  if (props.list.length === 0) return <p class="none">{t(props.empty)}</p>;
  // The newest must be seen; when there are more than fit, the oldest are counted.
  const over = Math.max(0, props.list.length - props.room);
  const shown = over > 0 ? props.list.slice(over) : props.list;
  return (
    <>
      <ul class={`numbers num${props.large ? " numbers-large" : ""}`}>
        {shown.map((number) => <li key={number} class={props.large && fresh.value.includes(number) ? "fresh" : ""}>{number}</li>)}
      </ul>
      {over > 0 && <p class="over">{t("board.and.more", { n: over })}</p>}
    </>
  );
}

function Cooking({ data }: { data: BoardData }) {
  if (data.cooking.length === 0) return null;
  return (
    <section class="cooking" aria-labelledby="cooking">
      <h2 id="cooking">{t("board.cooking")}</h2>
      <ul>
        {data.cooking.slice(0, 4).map((one, i) => {
          const percent = Math.min(100, Math.floor((one.progress_pm ?? 0) / 10));
          const name = say(one.name);
          return (
            <li key={`${one.number} ${i}`}>
              <b class="display num">{one.number}</b>
              <span class="name">{name}</span>
              <span class="num percent">{percent}%</span>
              <div class="bar" role="progressbar" aria-label={`${one.number} ${name}`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}><i style={{ width: `${percent}%` }} /></div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Age() {
  const seconds = Math.max(0, Math.floor((now.value - readAt.value) / 1000));
  const age = seconds < 60 ? t("unit.s.short", { n: seconds }) : t("unit.min.short", { n: Math.floor(seconds / 60) });
  const stale = seconds >= STALE_S;
  return (
    <p class={`age${stale ? " age-stale" : ""}`} role={stale ? "alert" : undefined}>
      <Icon name={stale ? "alert" : "clock"} size="1.8rem" />
      {stale ? t("board.stale", { age }) : seconds < 3 ? t("board.now") : t("board.fresh", { age })}
    </p>
  );
}
