import type { Text } from "../shared/types";

export type Condition = "offline" | "blocked" | "alert" | "lagging" | "paused" | "barred" | "warning" | "new" | "ok" | "closed";
export const conditions: Condition[] = ["offline", "blocked", "alert", "lagging", "paused", "barred", "warning", "new", "ok", "closed"];
export type Role = "viewer" | "operator" | "manager" | "admin";
export const roles: Role[] = ["viewer", "operator", "manager", "admin"];

export interface Till {
  shift_opened_at: number | null;
  drive: string;
  drive_until: number | null;
  drive_warns: boolean;
  ofd_unsent: number;
  ofd_since: number | null;
}

export interface Card {
  store_id: string;
  name: string;
  condition: Condition;
  stopped: string | null;
  /** Who stopped sales, where a person did. */
  stopped_by?: { since_at: number; until_at?: number; who: string; why: string };
  /** Where its clock goes by; empty before it has told. */
  zone: string;
  online: boolean;
  last_seen_at: number | null;
  heartbeat_ms: number;
  open: boolean;
  until_at: number | null;
  backlog: number;
  oldest_age_ms: number | null;
  shift: { state: string; number: number | null };
  till: Till;
  devices: Record<string, string>;
  shortages: Text[];
  short: number;
  day: string | null;
  currency: string;
  sales_today_minor: number;
  orders_today: number;
  alerts: number;
  errors: number;
  worst: string | null;
  version: string;
  events: number;
  refused: { seq: number; reason: string; at: number } | null;
  place?: { latitude: number; longitude: number; city: string };
  /** Nothing of it is taken in. */
  barred?: { at: number; by: string; why: string };
  strip?: string;
}

export interface FleetPage {
  at: number;
  total: number;
  matching: number;
  conditions: Record<Condition, number>;
  needy: number;
  online: number;
  versions: Record<string, number>;
  sales: Record<string, number>;
  orders: number;
  backlog: number;
  stores: Card[];
}

export interface Shortage { id: string; name: Text; available: number; enough: number; unit: string }
export interface EventLine { seq: number; at: number; received_at: number; kind: string; order_id: string | null; actor: string; body?: Record<string, unknown> }
export interface Day { day: string; orders: number; sales_minor: number; returns_minor: number; dishes: number; waiting: number; unequal: number }

/** An event that can't be proven. */
export interface Aside {
  store_id: string;
  seq: number;
  received_at: number;
  reason: string;
  /** The event as it came. */
  entry: string;
  verdict: "accepted" | "rejected" | null;
  settled_by: string | null;
  note: string | null;
  settled_at: number | null;
}

export interface Details extends Card {
  /** Events that wait for a person. */
  unproven: number;
  at: number;
  strip: string;
  shortages_all: Shortage[];
  days: Day[];
  last_events: EventLine[];
}

export interface OrderLine {
  order_id: string;
  day: string;
  number: number;
  state: string;
  currency: string;
  placed_at: number;
  updated_at: number;
  total_minor: number;
  sold_minor: number;
  captured_minor: number;
  refunded_minor: number;
  receipted_minor: number;
  returned_minor: number;
  elsewhere_minor: number;
  dishes: number;
  plated: number;
  waiting: boolean;
  unequal: boolean;
  events: number;
}

export interface Story {
  at: number;
  store_id: string;
  name: string;
  zone: string;
  order: OrderLine;
  now: { lines: { name: Text; quantity: number; price_minor?: number }[] } | null;
  events: EventLine[];
}

export interface Alert {
  store_id: string;
  name: string;
  key: string;
  source: "store" | "hq";
  severity: "error" | "warning";
  title: string;
  detail: string;
  advice: string;
  since_at: number;
  cleared_at?: number;
  who: string;
  cost: string;
  cost_minor?: number;
  currency: string;
  acknowledged?: { who: string; at: number; note: string };
}

export interface AlertPage { at: number; open: number; acknowledged: number; matching: number; alerts: Alert[] }

export interface BookLine {
  store_id: string;
  name: string;
  day: string;
  currency: string;
  state: "different" | "waiting" | "equal";
  orders: number;
  orders_minor: number;
  payments_minor: number;
  receipts_minor: number;
  elsewhere_minor: number;
  corrections_minor: number;
  accounted_minor: number;
  /** No accounting system is connected: nothing is to be there. */
  no_accounting: boolean;
  unposted: number;
  waiting: number;
  unequal: number;
}
export interface Totals { orders: number; orders_minor: number; payments_minor: number; receipts_minor: number; accounted_minor: number; /** What is to be there. */ booked_minor: number; elsewhere_minor: number; corrections_minor: number }
export interface Books { at: number; from: string; to: string; different: number; waiting: number; equal: number; totals: Record<string, Totals>; lines: BookLine[] }

export interface Series { now: number; step_ms: number; at: number[]; orders: number[]; sales_minor: number[]; cook_ms: (number | null)[]; dishes: number[]; backlog: number[]; oldest_ms: number[]; received: number[]; heard: number[]; silent_ms: number[] }

export interface Me { name: string; full_name: string | null; role: Role; way: "open" | "token" | "key" | "session"; own_password: boolean }
export interface Door { open: boolean; passwords: boolean; provider: string | null }
export interface User { id: string; name: string; full_name: string; role: Role; by_provider: boolean; created_at: number; disabled_at: number | null; shut_until: number | null }
export interface ApiKey { id: string; name: string; role: Role; created_by: string; created_at: number; used_at: number | null; revoked_at: number | null }
export interface AuditLine { id: number; at: number; who: string; address: string; act: string; subject: string; detail: string }

/** `command` is what was asked; none once an erasure is over: whose number it was is forgotten then. */
export interface Command { id: string; store_id: string; do?: string; command: ({ do: string } & Record<string, unknown>) | null; state: string; by: string; issued_at: number; expires_at: number; sent_at?: number; sends: number; ended_at?: number; answer?: { text?: string } }
/** What a command asks for, also when what it said is forgotten. Only erasures are. */
export function actOf(c: Pick<Command, "do" | "command">): string {
  return c.do ?? c.command?.do ?? "erase_guest";
}
export interface Revision { kind: string; name: string; revision: number; hash: string; note: string; by: string; at: number }
export interface Doc { kind: string; name: string; latest: Revision; stores: number }
export interface Change { path: string; was?: unknown; is?: unknown }
export interface Rollout { id: string; version: number; kind: string; name: string; revision: number; stage: "canary" | "all" | "stopped"; by: string; at: number; undoes?: string; undone?: boolean; counts: Record<string, number>; stores?: { store_id: string; canary: boolean; state: string; reason?: string; sent_at?: number; ended_at?: number }[] }
export interface Held { kind: string; name: string; revision: number; version: number; state: string; reason?: string; at: number }
