import "../shared/fonts.css";
import "../shared/base.css";
import "./kiosk.css";
import "./sheets.css";
import "./menu.css";
import "./checkout.css";
import "./club.css";
import "./club.css";
import "./modes.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { watchFaults } from "../shared/faults";
import { openLive } from "../shared/live";
import { isLang, setLang } from "../shared/i18n";
import { keepFresh } from "../shared/poll";
import { App } from "./app";
import { watchArrows } from "./arrows";
import { watchPrice } from "./basket";
import { followCall } from "./calls";
import { refreshOrder } from "./checkout";
import { watchIdle } from "./idle";
import { refreshKitchen } from "./kitchen";
import { watchModes } from "./modes";
import { BEAT_MS, restoreSession, saveSession } from "./session";
import { refreshMenu, refreshStore } from "./shop";
import { client, order, paying, screen, store } from "./state";

watchFaults("kiosk", () => client.headers());
watchModes();
watchArrows();

const root = document.getElementById("app");
if (root) render(<App />, root);

if (client.token) start();

function start(): void {
  const live = openLive(`${client.base}/live`, client.headers(), ({ kind, data }) => {
    if (data["order_id"] && data["order_id"] === order.peek()?.id) orders.now();
    else if (/^(payment|receipt|cook|order|refund)\./.test(kind) && order.peek() && !data["order_id"]) orders.now();
    if (/^(menu|stock|device|shift|alert|sales|hello)/.test(kind)) shop.now();
    if (kind === "hello") orders.now();
  });

  // Events say when to look; the beats below carry the screen alone when the event line is down.
  const shop = keepFresh(async () => {
    await refreshStore();
    await refreshMenu();
  }, () => (!store.peek() ? 1000 : paying.peek() ? 2000 : live.connected.peek() ? 15_000 : 4000));
  const orders = keepFresh(refreshOrder, () => (live.connected.peek() ? 5000 : 1500));
  keepFresh(followCall, () => 3000);
  keepFresh(() => (screen.peek() === "attract" ? refreshKitchen() : Promise.resolve()), () => 6000);

  let greeted = false;
  effect(() => {
    const first = store.value?.languages[0];
    if (greeted || !isLang(first)) return;
    greeted = true;
    if (screen.peek() === "attract") setLang(first);
    void restoreSession().then(() => {
      effect(saveSession);
      setInterval(saveSession, BEAT_MS);
    });
  });
  // A refused tender is most likely to come back while the guest looks at the list.
  effect(() => {
    if (screen.value === "tender" || screen.value === "pay") shop.now();
  });
  // A network that is back, a glass that was dark: what is shown may be old.
  for (const kind of ["online", "pageshow"]) addEventListener(kind, shop.now);
  watchPrice();
  watchIdle();
}
