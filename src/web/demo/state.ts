// The demo's state, read on a beat from the demo's own control door (it outlives the store's "power").
import { computed, signal } from "@preact/signals";
import { Client } from "../shared/client";
import { isLang, setLang } from "../shared/i18n";
import { keepFresh } from "../shared/poll";
import { recall, remember } from "../shared/token";
import type { Lang, Text } from "../shared/types";

export interface Switch {
  id: string;
  label: string;
  on: boolean;
  kind: "toggle" | "button";
}

export interface DemoState {
  switches: Switch[];
  links: { kiosk: string; board: string; demo: string; hq: string; shift_report: string; store_api: string };
  printer: { paper_tail: string[]; documents: number; shift: string | null };
  slips: { paper_tail: string[] };
  robot: { state: string; jobs: { job_id: string; name: Text | null; order: string | null; state: string; progress_pm: number | null }[] };
  bank: { orders: { order_number: string; amount_minor: number; state: string }[] };
  one_c: { documents: number };
  sms: { sent: { text: string }[] };
  hq: { events: number; backlog: number };
  counts: { orders: number; charges: number; receipts: number; dishes: number; accounting: number; accounting_due?: number; dishes_ordered?: number };
}

export const client = new Client("/demo/api", null, "demo");
export const state = signal<DemoState | null>(null);
export const lost = signal(false);
export const powerCut = signal(false);
export const said = signal("");

const LANG = "galley.demo.lang";
const chosen = recall(LANG) ?? navigator.language.slice(0, 2);
setLang(isLang(chosen) ? chosen : "ru");

export function choose(next: Lang): void {
  setLang(next);
  remember(LANG, next);
}

const poll = keepFresh(async () => {
  try {
    state.value = await client.get<DemoState>("/state");
    lost.value = false;
  } catch (error) {
    lost.value = true;
    throw error;
  }
}, () => 700);

export const isOn = (id: string): boolean => state.value?.switches.find((one) => one.id === id)?.on ?? true;

/** Whether something stands in the way between the controller and an outside system. */
export const cut = computed(() => ({
  internet: !isOn("internet"),
  bank: !isOn("internet") || !isOn("bank"),
  net: !isOn("internet"),
  printer: !isOn("printer_cable") || !isOn("paper"),
  robot: !isOn("robot_link") || (has("robot_jam") && isOn("robot_jam")),
}));

function has(id: string): boolean {
  return state.value?.switches.some((one) => one.id === id) ?? false;
}

export const openBill = computed(() => {
  const bills = state.value?.bank.orders ?? [];
  return bills.findLast((one) => one.state === "registered" || one.state === "waiting" || one.state === "created" || one.state === "new") ?? null;
});

export async function flip(one: Switch): Promise<void> {
  if (one.id === "power") {
    powerCut.value = true;
    setTimeout(() => (powerCut.value = false), 4000);
  }
  await client.post("switch", "/switch", { id: one.id, on: one.kind === "button" ? true : !one.on }).catch(() => undefined);
  poll.now();
}

export async function payByPhone(): Promise<boolean> {
  try {
    await client.post("pay", "/pay", {});
    return true;
  } catch {
    return false;
  } finally {
    poll.now();
  }
}

export async function endDay(): Promise<void> {
  await client.post("end-day", "/end-day", {}).catch(() => undefined);
  poll.now();
}

/** The same page by a path when it is served from here, so that nothing leaves this address. */
export function near(link: string): string {
  try {
    const url = new URL(link, location.href);
    return url.port === location.port ? url.pathname + url.search + url.hash : link;
  } catch {
    return link;
  }
}
