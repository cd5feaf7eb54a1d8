// Kept so that a reload of the page (a power cut, a crashed tab, a restarted browser) doesn't lose a guest who is
// choosing or paying. Never kept: the phone, the e-mail.
import { batch } from "@preact/signals";
import { isLang, lang, setLang } from "../shared/i18n";
import { forget, recall, remember } from "../shared/token";
import type { Order, Service } from "../shared/types";
import type { CartLine } from "./cart";
import { takeOrder } from "./checkout";
import type { Screen } from "./flow";
import { allModes, modes, type Mode } from "./modes";
import { avoided, cart, client, order, promoCode, screen, service, suggested } from "./state";

const SESSION = "galley.kiosk.session";
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
  if (session.screen === "attract") forget(SESSION);
  else remember(SESSION, JSON.stringify(session));
}

export async function restoreSession(): Promise<void> {
  const text = recall(SESSION);
  if (!text) return;
  try {
    const session = JSON.parse(text) as Session;
    if (!session.order_id && Math.abs(Date.now() - session.at) > KEPT_MS) return forget(SESSION);
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
  } catch {
    forget(SESSION);
  }
}
