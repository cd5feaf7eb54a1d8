import "../shared/fonts.css";
import "../shared/base.css";
import "./board.css";
import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "../shared/art/Kitchen";
import { Client } from "../shared/client";
import { openLive } from "../shared/live";
import { askToBePaired } from "../shared/pair";
import { keepFresh } from "../shared/poll";
import { takeToken } from "../shared/token";
import type { BoardData, Lang, StoreInfo } from "../shared/types";
import { isTongue, speak, tongues } from "../shared/words";
import { allowSound, chime, muted, prepareSound } from "./chime";
import en from "./i18n/en.json";
import ru from "./i18n/ru.json";
import uz from "./i18n/uz.json";
import { pageOf, sizeFor } from "./pages";

type Key = keyof typeof ru;
const { t, say, setLang } = speak<Key>({ ru, uz, en });

const client = new Client("/api/v1", takeToken("board"), "board");
const board = signal<BoardData | null>(null);
const readAt = signal(0);
const now = signal(performance.now());
const store = signal<StoreInfo | null>(null);
/** Numbers that are being called, and until when. */
const called = signal<readonly { number: string; until: number }[]>([]);
const spoken = signal("");

/** Older than this the board says so: it would rather admit its age than call a wrong number. */
const STALE_S = 15;
/** A number is called so long. */
const CALLED_MS = 9000;
/** A page of numbers stands so long. */
const PAGE_MS = 6000;

const root = document.getElementById("app");
if (client.token) start();
const code = client.token ? null : askToBePaired("board", () => location.reload());
if (root) render(<App />, root);

function start(): void {
  prepareSound();
  const live = openLive(`${client.base}/live`, client.headers(), ({ kind, data }) => {
    if (kind === "order.recalled" && typeof data["number"] === "number") call([String(data["number"])]);
    if (/^(order|payment|cook|receipt|refund|hello)/.test(kind)) numbers.now();
  });
  const numbers = keepFresh(async () => {
    const next = await client.get<BoardData>("/board");
    const before = board.peek();
    board.value = next;
    readAt.value = performance.now();
    if (!before) return;
    const known = new Set(before.ready.map((one) => one.number));
    call(next.ready.map((one) => one.number).filter((one) => !known.has(one)));
  }, () => (live.connected.peek() ? 5000 : 1500));
  keepFresh(async () => {
    store.value = await client.get<StoreInfo>("/store");
    const first = store.value.languages[0];
    if (isTongue(first)) setLang(first);
  }, () => (store.peek() ? 60_000 : 2000));
  setInterval(() => {
    now.value = performance.now();
    if (called.peek().some((one) => one.until <= now.peek())) called.value = called.peek().filter((one) => one.until > now.peek());
  }, 1000);
}

function call(fresh: string[]): void {
  if (fresh.length === 0) return;
  const until = performance.now() + CALLED_MS;
  called.value = [...fresh.map((number) => ({ number, until })), ...called.peek().filter((one) => !fresh.includes(one.number))];
  spoken.value = fresh.map((number) => t("call", { number })).join(". ");
  chime();
}

function App() {
  const data = board.value;
  if (code) {
    return (
      <main class="standby">
        <Mark size="6rem" /><h1>{t("pair")}</h1>
        <p class="pair-code num" aria-live="polite">{code.value.replace(/(...)(...)/, "$1 $2") || "··· ···"}</p>
        <p>{t("pair.more")} <b class="num">{code.value}</b></p>
        <p class="pair-others">{tongues.slice(1).map((one) => <span key={one} lang={one}>{t("pair.more", {}, one)}</span>)}</p>
      </main>
    );
  }
  if (!data) return <main class="standby"><Mark size="6rem" /><h1>{t("starting")}</h1><p>{t("starting.more")}</p></main>;
  return (
    <div class="board">
      <header>
        <Mark size="3.6rem" /><span class="display brand">Galley</span>
        <h1 class="hidden-visually">{t("title")}</h1>
        <span class="place">{say(store.value?.name)}</span>
        {muted.value && <button type="button" class="sound" onClick={allowSound}>{t("sound.on")}</button>}
        <Age />
      </header>
      <main>
        <section class="column preparing" aria-labelledby="preparing">
          <h2 id="preparing"><Words of="preparing" /></h2>
          <Numbers list={data.preparing.map((one) => one.number)} empty="none.preparing" />
        </section>
        <section class="column ready" aria-labelledby="ready">
          <h2 id="ready"><svg viewBox="0 0 24 24" class="tick" aria-hidden="true"><path d="M5 12.5l4.500 4.500L19 7.500" /></svg><Words of="ready" /></h2>
          <Numbers list={data.ready.map((one) => one.number)} empty="none.ready" large />
        </section>
      </main>
      <Cooking data={data} />
      <p class="hidden-visually" role="status" aria-live="polite">{spoken.value}</p>
    </div>
  );
}

/** The board speaks to everybody in the room: the store's language large, the others below. */
function Words({ of }: { of: Key }) {
  const first = store.value?.languages[0] ?? "ru";
  const others = tongues.filter((one: Lang) => one !== first);
  return (
    <span class="words">
      <span>{t(of, {}, first)}</span>
      <small>{others.map((one, i) => <span key={one}>{i > 0 && " · "}<span lang={one}>{t(of, {}, one)}</span></span>)}</small>
    </span>
  );
}

function Numbers(props: { list: string[]; empty: Key; large?: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const [box, setBox] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const measure = () => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const now = frame.current;
      if (now) setBox({ width: now.clientWidth / rem - 1.8, height: now.clientHeight / rem - 1.8 });
    };
    const watcher = new ResizeObserver(measure);
    if (frame.current) watcher.observe(frame.current);
    measure();
    return () => watcher.disconnect();
  }, []);
  const { size, room } = sizeFor(props.list.length, box.width, box.height, props.large ? ["large", "usual", "small"] : ["usual", "small"]);
  const fresh = called.value.map((one) => one.number);
  const { shown, page, pages } = pageOf(props.list, props.large ? fresh : [], room, Math.floor(now.value / PAGE_MS));
  return (
    <div class="room" ref={frame}>
      {props.list.length === 0 && <p class="none">{t(props.empty)}</p>}
      <ul class={`numbers num numbers-${size}`}>
        {shown.map((number) => <li key={number} class={props.large && fresh.includes(number) ? "fresh" : ""}>{number}</li>)}
      </ul>
      {pages > 1 && (
        <p class="paging">
          <span>{t("page", { n: page + 1, all: pages })}</span>
          <span class="dots" aria-hidden="true">{Array.from({ length: pages }, (_, n) => <i key={n} class={n === page ? "here" : ""} />)}</span>
        </p>
      )}
    </div>
  );
}

function Cooking({ data }: { data: BoardData }) {
  if (data.cooking.length === 0) return null;
  return (
    <section class="cooking" aria-labelledby="cooking">
      <h2 id="cooking">{t("cooking")}</h2>
      <ul>
        {data.cooking.slice(0, 4).map((one, i) => {
          const percent = Math.min(100, Math.floor((one.progress_pm ?? 0) / 10));
          const name = say(one.name);
          const step = say(one.step) || t(`step.${one.state}` as Key);
          return (
            <li key={`${one.number} ${i}`}>
              <b class="display num">{one.number}</b>
              <span class="name">{name}</span>
              <span class="step">{step}</span>
              <div class="bar" role="progressbar" aria-label={`${one.number} ${name}: ${step}`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}><i style={{ width: `${percent}%` }} /></div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Age() {
  const seconds = Math.max(0, Math.floor((now.value - readAt.value) / 1000));
  const age = seconds < 60 ? t("s", { n: seconds }) : t("min", { n: Math.floor(seconds / 60) });
  const stale = seconds >= STALE_S;
  return (
    <p class={`age${stale ? " age-stale" : ""}`} role={stale ? "alert" : undefined}>
      <svg viewBox="0 0 24 24" class="sign" aria-hidden="true"><path d={stale ? "M12 4l9 16H3zM12 10v4.500M12 17.200v.1" : "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM12 7.500V12l3 2.500"} /></svg>
      {stale ? t("stale", { age }) : seconds < 7 ? t("now") : t("fresh", { age })}
    </p>
  );
}
