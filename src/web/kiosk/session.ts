// Kept so that a reload of the page, a crashed tab or a restarted browser doesn't lose a guest who is choosing or paying.
// Never kept: the phone, the e-mail. The tab keeps its own guest; beside it lies a copy with a beat in storage that
// outlives the browser, which is taken up only when its beat has stopped: two kiosks in one browser are two guests.
import { batch } from "@preact/signals";
import { delay, Unreachable } from "../shared/client";
import { isLang, lang, setLang } from "../shared/i18n";
import { forget, recall, recallFromSession, remember, rememberForSession } from "../shared/token";
import type { Order, Service } from "../shared/types";
import type { CartLine } from "./cart";
import { takeOrder } from "./checkout";
import type { Screen } from "./flow";
import { allModes, modes, type Mode } from "./modes";
import { avoided, cart, client, order, promoCode, screen, service, suggested } from "./state";

const SESSION = "galley.kiosk.session";
/** How often the copy is written while a guest is there. */
export const BEAT_MS = 2000;
/** A copy that was not written for so long belongs to a tab that is gone. */
const SILENT_MS = 3 * BEAT_MS;
/** A cart left longer than this belongs to nobody any more; an order is asked for at the box in any case. */
const KEPT_MS = 10 * 60_000;

interface Session {
  at: number;
  screen: Screen;
  lang: string;
  cart: CartLine[];
  service: Service | null;
  promo_code: string;
  avoided: string[];
  modes: Mode[];
  suggested: boolean;
  order_id: string | null;
}

export function saveSession(): void {
  const session: Session = {
    at: Date.now(),
    screen: screen.value,
    lang: lang.value,
    cart: cart.value,
    service: service.value,
    promo_code: promoCode.value,
    avoided: [...avoided.value],
    modes: [...modes.value],
    suggested: suggested.value,
    order_id: order.value?.id ?? null,
  };
  if (session.screen === "attract") {
    // Not the copy of another tab's guest.
    if (recallFromSession(SESSION)) forget(SESSION);
    rememberForSession(SESSION, null);
    return;
  }
  const text = JSON.stringify(session);
  rememberForSession(SESSION, text);
  remember(SESSION, text);
}

export async function restoreSession(): Promise<void> {
  const own = recallFromSession(SESSION);
  if (own) return takeUp(own);
  const copy = recall(SESSION);
  if (!copy) return;
  const silent = () => recall(SESSION) === copy && screen.peek() === "attract";
  if (Date.now() - writtenAt(copy) >= SILENT_MS) return takeUp(copy);
  setTimeout(() => silent() && void takeUp(copy), SILENT_MS);
}

function writtenAt(text: string): number {
  try {
    return Number((JSON.parse(text) as Session).at) || 0;
  } catch {
    return 0;
  }
}

async function takeUp(text: string): Promise<void> {
  try {
    const session = JSON.parse(text) as Session;
    if (!session.order_id && Math.abs(Date.now() - session.at) > KEPT_MS) return drop();
    if (isLang(session.lang)) setLang(session.lang);
    const found = session.order_id ? await client.get<Order>(`/orders/${session.order_id}`) : null;
    batch(() => {
      cart.value = session.cart;
      service.value = session.service;
      promoCode.value = session.promo_code;
      avoided.value = new Set(session.avoided);
      modes.value = new Set(allModes.filter((one) => session.modes.includes(one)));
      suggested.value = session.suggested;
      order.value = found;
      screen.value = found || (session.screen !== "pay" && session.screen !== "ticket") ? session.screen : "menu";
    });
    if (found) takeOrder(found);
  } catch (error) {
    // A box that does not answer has not said that the order is gone.
    if (error instanceof Unreachable && screen.peek() === "attract") return delay(1000).then(() => takeUp(text));
    drop();
  }
}

function drop(): void {
  rememberForSession(SESSION, null);
  forget(SESSION);
}
