// What the staff's screen knows besides the pages' common types.
import type { Lang, Order, Service, Text, Programme } from "../shared/types";

export type Position = "cashier" | "technician" | "manager";

export interface Person {
  name: string;
  role: Position;
  language: Lang;
  expires_at: number;
  idle_s: number;
}

export interface Choice {
  id: string;
  name: Text;
  price_minor: number;
  available?: boolean;
  standard?: boolean;
}

export interface Option {
  id: string;
  name: Text;
  min: number;
  max: number;
  choices: Choice[];
}

export interface Dish {
  id: string;
  category: string;
  name: Text;
  price_minor: number;
  available: boolean;
  reason?: Text | null;
  allergens: string[];
  options?: Option[];
  back_at?: number | null;
  stopped?: boolean;
}

export interface Menu {
  version: string;
  categories: { id: string; name: Text }[];
  dishes: Dish[];
}

export interface Picked {
  option: string;
  choice: string;
}

/** A line of the order that is being taken. */
export interface Draft {
  key: string;
  dish: Dish;
  picked: Picked[];
  quantity: number;
}

export interface StaffLine {
  line_id: number;
  dish_id: string;
  name: Text;
  quantity: number;
  price_minor: number;
  sum_minor: number;
  discount_minor?: number;
  options?: { name: Text; choice: Text }[];
  /** How many of it were not given back yet. */
  refundable?: number;
  /** Marked goods: what identifies the units that were scanned, those of them that came back, and how many are missing. */
  marked?: { units: string[]; returned?: string[]; missing: number };
}

export interface StaffRefund {
  id: string;
  amount_minor: number;
  state: "pending" | "awaiting_person" | "done" | "refused";
  reason: string;
}

export type StaffOrder = Omit<Order, "lines" | "refunds"> & {
  lines: StaffLine[];
  refunds: StaffRefund[];
  expires_at: number;
  service: Service;
  channel?: { id: string; name: Text; number: string } | null;
};

export interface Channel {
  id: string;
  name: Text;
}

export interface Store {
  store_id: string;
  name: Text;
  currency: string;
  zone?: string;
  languages: Lang[];
  accepting: { ok: boolean; slug?: string | null; reason?: Text | null; until_at?: number | null };
  tenders: { tender: string; name: Text; available: boolean; reason?: Text | null }[];
  uplink: string;
  services?: Service[];
  channels?: Channel[];
  loyalty?: Programme | null;
}

export interface Call {
  id: string;
  kiosk: string;
  why: string;
  at: number;
}

export interface Alert {
  id: string;
  severity: "warning" | "error";
  title: string;
  detail: string;
  advice: string;
  since_at: number;
  effect_id: number | null;
  /** Where the effect stands; one that is still tried by itself needs nobody's word. */
  effect_state?: string;
  /** What somebody who says that it was done must have seen; absent where only the command line can say it. */
  effect_asks?: ("document_number" | "reference" | "paid")[];
}

export interface Stop {
  dish_id?: string | null;
  ingredient_id?: string | null;
  since_at: number;
  until_at?: number | null;
  who: string;
  why: string;
}

export interface Ingredient {
  id: string;
  name: Text;
  unit: string;
  available: number;
  low: boolean;
}

export interface Shift {
  state: "closed" | "opening" | "open" | "closing";
  number: number | null;
  opened_at: number | null;
  sales_minor: number;
  returns_minor: number;
  receipts: number;
}

export interface DrawerCount {
  shift: number;
  counted_minor: number;
  expected_minor: number;
  note?: string;
}

export interface ShiftMoney {
  drawer: { expected_minor: number; counts?: (DrawerCount & { at: number; who: string })[]; moves: { at: number; direction: "in" | "out"; sum_minor: number; who: string; why: string }[] };
}

export interface Member {
  name: string;
  role: "cashier" | "technician" | "manager";
  language: "ru" | "uz" | "en";
  created_at: number;
  disabled_at?: number | null;
  /** Screens at which they are now. */
  at: string[];
}

export interface Screens {
  screens: { name: string; role: string; paired_at: number; paired_by: string }[];
  waiting: { role: string; since_at: number }[];
}

export interface TimelineEntry {
  seq: number;
  at: number;
  actor: string;
  body: { kind: string } & Record<string, unknown>;
}
