// Where we are, who we are, whether what is shown is fresh.
import { computed, effect, signal } from "@preact/signals";
import { delay } from "../shared/client";
import { openLive } from "../shared/live";
import { recall, remember } from "../shared/token";
import { isTongue } from "../shared/words";
import type { Lang } from "../shared/types";
import { answeredAt, ask, base, get, headers, reachable, Refusal, shut } from "./api";
import { lang, setLang } from "./say";
import { roles, type Door, type Me, type Role } from "./types";

const LANG = "galley.hq.lang";
/** Older than this is said aloud. */
const OLD_MS = 15_000;

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1000);

export const me = signal<Me | null>(null);
export const door = signal<Door | null>(null);
export const notice = signal<{ text: string; bad: boolean } | null>(null);

/** What the address says: `#/stores/S1/orders?day=…`. */
export interface Route { path: string[]; query: URLSearchParams }
const readRoute = (): Route => {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(search) };
};
export const route = signal<Route>(readRoute());
addEventListener("hashchange", () => {
  const before = route.peek().path.join("/");
  route.value = readRoute();
  if (before !== route.peek().path.join("/")) {
    scrollTo(0, 0);
    // Who reads by ear hears where they are.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true }));
  }
});

export function link(path: (string | number)[], query: Record<string, string | number | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return `#/${path.map((part) => encodeURIComponent(part)).join("/")}${text ? `?${text}` : ""}`;
}

/** Changes filters in the address, without a step in the history. */
export function filter(values: Record<string, string | undefined>): void {
  const { path, query } = route.peek();
  const next: Record<string, string> = Object.fromEntries(query);
  for (const [name, value] of Object.entries(values)) {
    if (value) next[name] = value;
    else delete next[name];
  }
  history.replaceState(null, "", link(path, next));
  route.value = readRoute();
}

/** Something may have changed: counted up at most every two seconds. */
export const beat = signal(0);
export const connected = signal(false);
let due: ReturnType<typeof setTimeout> | undefined;
function soon(ms: number): void {
  due ??= setTimeout(() => {
    due = undefined;
    beat.value += 1;
  }, ms);
}

let live: { stop(): void } | undefined;
export function listen(): void {
  live?.stop();
  const line = openLive(`${base}/live`, headers(), () => soon(2000));
  live = line;
  effect(() => {
    connected.value = line.connected.value;
    // What happened while the line was down is not told any more.
    if (line.connected.value) soon(0);
  });
}
setInterval(() => soon(0), 5000);

export const age = computed(() => (answeredAt.value === null ? null : Math.max(0, now.value - answeredAt.value)));
export const stale = computed(() => !reachable.value || (age.value ?? 0) > OLD_MS);

export async function wake(): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 5000)) {
    try {
      me.value = await get<Me>("/me");
      listen();
      return;
    } catch (error) {
      if (error instanceof Refusal) {
        door.value = await get<Door>("/door").catch(() => null);
        return;
      }
      await delay(wait);
    }
  }
}

effect(() => {
  if (!shut.value || me.peek() === null) return;
  me.value = null;
  live?.stop();
  void get<Door>("/door").then((one) => (door.value = one), () => undefined);
});

export async function leave(): Promise<void> {
  await ask("POST", "/sign-out", {}).catch(() => undefined);
  live?.stop();
  me.value = null;
  door.value = await get<Door>("/door").catch(() => null);
}

export function may(role: Role): boolean {
  return me.value !== null && roles.indexOf(me.value.role) >= roles.indexOf(role);
}

export function choose(one: Lang): void {
  setLang(one);
  remember(LANG, one);
}
const chosen = recall(LANG) ?? navigator.language.slice(0, 2);
setLang(isTongue(chosen) ? chosen : "ru");

let quiet: ReturnType<typeof setTimeout> | undefined;
export function tell(text: string, bad = false): void {
  notice.value = { text, bad };
  clearTimeout(quiet);
  quiet = setTimeout(() => (notice.value = null), bad ? 12_000 : 5000);
}

export { lang };
