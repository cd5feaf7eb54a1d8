// The store's API as the pages see it. Money is integer minor units, times are milliseconds since 1970 UTC.

export type Lang = "ru" | "uz" | "en";
export type Text = Record<Lang, string>;
export type Tender = "sbp_qr" | "card_terminal" | "cash";
export type Service = "here" | "to_go";

export interface StoreInfo {
  store_id: string;
  name: Text;
  currency: string;
  languages: Lang[];
  accepting: Accepting;
  uplink: "online" | "degraded" | "offline";
  tenders: TenderInfo[];
  speed: number;
  /** Which ways of eating the store has. */
  services?: Service[];
  /** Which steps the kiosk shows now, by configuration and time of day. */
  steps?: Steps;
  idle?: { reset_s: number; ask_s: number; calm_factor: number };
  /** Of the pages: a kiosk takes a new one on its attract screen. */
  build?: string;
  now_at?: number;
  zone?: string;
  /** Minutes that an order placed now would take. */
  promises_min?: number | null;
  receipt_to?: ReceiptWay[];
  loyalty?: Programme | null;
}

/** The loyalty programme. */
export interface Programme {
  name: Text;
  worth_minor: number;
  earn_bp: number;
  max_share_bp: number;
  terms_version: string;
  terms: Text;
  /** The true balance can't be asked for. */
  offline?: boolean;
}

/** A member, as far as a kiosk may know. */
export interface Member {
  member: string;
  initial?: string | null;
  balance: number;
  spendable: number;
  earn_bp: number;
  level?: { id: string; name: Text } | null;
  new?: boolean;
}

export interface Accepting {
  ok: boolean;
  reason?: Text | null;
  slug?: string | null;
  until_at?: number | null;
}

export interface Steps {
  service: boolean;
  suggestion: boolean;
  contact: boolean;
  loyalty: boolean;
  receipt: boolean;
}

export type ReceiptWay = "paper" | "sms" | "email";

export interface TenderInfo {
  tender: string;
  name: Text;
  available: boolean;
  reason?: Text | null;
}

export interface Dish {
  id: string;
  category: string;
  name: Text;
  description: Text;
  price_minor: number;
  weight_g: number;
  kcal: number;
  allergens: string[];
  cook_s: number;
  available: boolean;
  reason?: Text | null;
  composition?: Text[];
  options?: DishOption[];
  picture?: Picture | null;
  /** Dishes that go well with it. */
  suggest?: string[];
  /** When a dish that is sold out is back. */
  back_at?: number | null;
  stopped?: boolean;
}

export interface Picture {
  hash: string;
  sizes: number[];
}

export interface DishOption {
  id: string;
  name: Text;
  /** How many of its choices must and may be taken. */
  min: number;
  max: number;
  choices: DishChoice[];
}

export interface DishChoice {
  id: string;
  name: Text;
  /** Added to the dish's price; may be negative. */
  price_minor: number;
  available: boolean;
  reason?: Text | null;
  allergens?: string[];
  /** Allergens of the dish that are not in it then. */
  without_allergens?: string[];
  /** What the dish has unless the guest says otherwise. */
  standard?: boolean;
}

export interface Promotion {
  id: string;
  name: Text;
  note?: Text | null;
  kind: string;
  dishes: string[];
  until_at?: number | null;
}

export interface Chosen {
  option: string;
  choice: string;
}

export interface Quote {
  lines: QuoteLine[];
  total_minor: number;
  discount_minor: number;
  promotions: { id: string; name: Text; discount_minor: number }[];
  code?: { ok: boolean; message?: Text | null } | null;
  ready_at?: number | null;
  points?: { balance: number; earns: number; spendable: number; spendable_minor: number } | null;
}

export interface QuoteLine {
  dish_id: string;
  quantity: number;
  /** Of one, with its options, before discounts. */
  price_minor: number;
  sum_minor: number;
  discount_minor: number;
  promotions?: string[];
  available: boolean;
  problem?: { slug: string; message?: Text | null } | null;
}

export interface Category {
  id: string;
  name: Text;
}

export interface Menu {
  version: string;
  categories: Category[];
  dishes: Dish[];
  promotions?: Promotion[];
}

export type OrderState =
  | "placed" | "paid" | "receipted" | "cooking" | "ready" | "closed"
  | "cancelled" | "expired" | "refunding" | "refunded";

export type PaymentState = "registering" | "waiting" | "captured" | "declined" | "closed" | "unclear";

export interface Payment {
  id: string;
  tender: string;
  state: PaymentState;
  amount_minor: number;
  refunded_minor: number;
  qr?: { payload: string; svg_path: string } | null;
  expires_at?: number | null;
  /** Given up before it was paid: by somebody, or because the bank gave no code. */
  withdrawn?: "asked" | "no_code" | null;
  /** How it was closed unpaid. */
  closed_by?: "time_over" | "refused" | "not_wanted" | "unpaid" | null;
  reason?: Text | null;
}

export interface Receipt {
  kind: "sale" | "sale_return";
  state: "pending" | "registered";
  document_number?: number | string | null;
  total_minor: number;
}

export type DishState = "waiting" | "queued" | "preparing" | "cooking" | "plated" | "done" | "failed" | "aborted";

export interface CookJob {
  job_id: string;
  line_id: string;
  dish_id: string;
  name: Text;
  state: DishState;
  progress_pm?: number | null;
  slot?: string | number | null;
}

export interface Refund {
  id: string;
  amount_minor: number;
  state: "pending" | "awaiting_person" | "done" | "refused";
  reason: string;
}

export interface OrderLine {
  line_id: string;
  dish_id: string;
  name: Text;
  quantity: number;
  price_minor: number;
  sum_minor: number;
  options?: { name: Text; choice: Text }[];
  discount_minor?: number;
}

export interface Order {
  id: string;
  number: string;
  state: OrderState;
  language: Lang;
  service: Service;
  total_minor: number;
  due_minor: number;
  currency: string;
  placed_at: number;
  promised_at: number;
  lines: OrderLine[];
  payments: Payment[];
  receipts: Receipt[];
  dishes: CookJob[];
  refunds: Refund[];
  note?: Text | null;
  discount_minor?: number;
  promotions?: { name: Text; discount_minor: number }[];
  /** The page that follows the order on the guest's phone, and its QR. */
  follow?: { url: string; svg_path: string } | null;
  points?: { member: string; earns: number; earned: boolean; spent: number; worth_minor: number } | null;
}

export interface BoardData {
  at: number;
  preparing: { number: string }[];
  ready: { number: string }[];
  /** `step`: what the robot does with it now. */
  cooking: { number: string; name: Text; state: DishState; progress_pm?: number | null; step?: Text | null }[];
}

export interface StoreRow {
  store_id: string;
  name: Text | string;
  last_seen_at: number | null;
  online: boolean;
  backlog: number;
  oldest_age_ms: number | null;
  shift: { state: string; number?: number | null } | null;
  sales_today_minor: number;
  orders_today: number;
  events: number;
  alerts: number | unknown[];
  version: string;
}

export interface Problem {
  slug: string;
  title: string;
  status: number;
  detail?: string;
  errors?: { field: string; message: string }[];
  message?: Text | null;
  /** What it costs now, beside `price_changed`. */
  quote?: Quote | null;
}

export interface ShiftSum {
  count: number;
  sum_minor: number;
  tenders: { tender: string; sum_minor: number }[];
}

interface ShiftCounters {
  sales: { count: number; sum_minor: number };
  returns: { count: number; sum_minor: number };
  drawer: { ins: number; in_minor: number; outs: number; out_minor: number; cash_minor: number };
}

export interface ShiftReport {
  store: Text;
  currency: string;
  state: string;
  made_at: number;
  zone: string;
  shift: number;
  opened_at: number | null;
  closed_at: number | null;
  drive_number: string | null;
  registration_number: string | null;
  opening_document: number | null;
  closing_document: number | null;
  sales: ShiftSum;
  returns: ShiftSum;
  corrections: ShiftSum;
  return_corrections?: ShiftSum;
  net_minor: number;
  drawer: {
    start_minor: number | null;
    sales_minor: number;
    returns_minor: number;
    in_minor: number;
    out_minor: number;
    expected_minor: number;
    moves: { at: number; key: string; direction: "in" | "out"; sum_minor: number; who: string; why: string }[];
  };
  start: ShiftCounters | null;
  end: ShiftCounters | null;
  counted_at: number | null;
  differences: { code: string; what: string; galley: number; printer: number; money: boolean }[];
}
