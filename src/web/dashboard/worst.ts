// The order of the table: what needs a person first stands first.
import type { StoreRow } from "../shared/types";

export type Condition = "offline" | "alert" | "lagging" | "ok";

/** A backlog younger than this is the normal rhythm of sending, not a lag. */
const LAG_MS = 30_000;

export function alertsOf(row: StoreRow): number {
  return Array.isArray(row.alerts) ? row.alerts.length : row.alerts;
}

export function conditionOf(row: StoreRow): Condition {
  if (!row.online) return "offline";
  if (alertsOf(row) > 0) return "alert";
  if (row.backlog > 0 && (row.oldest_age_ms ?? 0) > LAG_MS) return "lagging";
  return "ok";
}

const rank: Record<Condition, number> = { offline: 0, alert: 1, lagging: 2, ok: 3 };

export function byWorst(a: StoreRow, b: StoreRow): number {
  return (
    rank[conditionOf(a)] - rank[conditionOf(b)] ||
    alertsOf(b) - alertsOf(a) ||
    Math.floor((b.oldest_age_ms ?? 0) / LAG_MS) - Math.floor((a.oldest_age_ms ?? 0) / LAG_MS) ||
    a.store_id.localeCompare(b.store_id)
  );
}
