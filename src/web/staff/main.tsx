import "../shared/fonts.css";
import "../shared/base.css";
import "./staff.css";
import "./work.css";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { recall } from "../shared/token";
import { isTongue } from "../shared/words";
import { Icon, type IconName } from "./icons";
import { Languages, Login } from "./login";
import { OrderSheet } from "./order";
import { Button, clock } from "./parts";
import { t, setLang, type Key, say } from "./say";
import { attention, isManager, isTechnician, leave, notice, now, online, opened, person, spoken, store, tab, waking, wake, watchIdle, type Tab } from "./state";
import { Attention } from "./tabs/attention";
import { Orders } from "./tabs/orders";
import { People } from "./tabs/people";
import { Screens } from "./tabs/screens";
import { ShiftTab } from "./tabs/shift";
import { Stops } from "./tabs/stops";
import { Take } from "./tabs/take";

const chosen = recall("galley.staff.lang") ?? navigator.language.slice(0, 2);
setLang(isTongue(chosen) ? chosen : "ru");
const root = document.getElementById("app");
if (root) render(<App />, root);
void wake();
watchIdle();

const tabs: { id: Tab; icon: IconName; label: Key }[] = [
  { id: "orders", icon: "orders", label: "tab.orders" },
  { id: "new", icon: "plus", label: "tab.new" },
  { id: "attention", icon: "bell", label: "tab.attention" },
  { id: "stops", icon: "stop", label: "tab.stops" },
  { id: "shift", icon: "till", label: "tab.shift" },
  { id: "screens", icon: "screens", label: "tab.screens" },
  { id: "people", icon: "people", label: "tab.people" },
];

function App() {
  return (
    <>
      {waking.value ? <main class="login"><p class="empty" role="status">{t("starting")}</p></main> : person.value ? <Work /> : <Login />}
      <Notice />
      <p class="hidden-visually" role="status" aria-live="polite">{spoken.value}</p>
    </>
  );
}

function Work() {
  const who = person.value;
  return (
    <div class="work">
      <header class="top">
        <span class="display brand">Galley</span>
        <span class="place">{say(store.value?.name)}</span>
        {!online.value && <span class="away" role="alert"><Icon name="offline" />{t("away")}</span>}
        <span class="num time">{clock(now.value)}</span>
        <Languages />
        <Button icon="lock" kind="plain" class="leave" label={t("leave", { name: who?.name ?? "" })} onClick={leave}>{who?.name}</Button>
      </header>
      <nav class="tabs" aria-label={t("tabs")}>
        {tabs.filter((one) => (one.id === "screens" ? isTechnician.value : one.id === "people" ? isManager.value : true)).map((one) => (
          <button type="button" key={one.id} data-tab={one.id} aria-current={tab.value === one.id ? "page" : undefined} onClick={() => (tab.value = one.id)}>
            <Icon name={one.icon} />
            <span>{t(one.label)}</span>
            {one.id === "attention" && attention.value > 0 && <b class="badge num" aria-label={t("attention.count", { n: attention.value })}>{attention.value}</b>}
          </button>
        ))}
      </nav>
      <main class={`tab tab-${tab.value}`}>{body()}</main>
      {opened.value && <OrderSheet id={opened.value} />}
    </div>
  );
}

function body() {
  switch (tab.value) {
    case "orders":
      return <Orders />;
    case "new":
      return <Take />;
    case "attention":
      return <Attention />;
    case "stops":
      return <Stops />;
    case "shift":
      return <ShiftTab />;
    case "screens":
      return <Screens />;
    case "people":
      return <People />;
  }
}

function Notice() {
  const said = notice.value;
  const shown = useRef<HTMLDivElement>(null);
  // A sheet lies above everything else; what is said must be seen above it, too.
  useEffect(() => {
    const now = shown.current;
    if (!now) return;
    if (now.matches(":popover-open")) now.hidePopover();
    now.showPopover();
  }, [said, opened.value]);
  if (!said) return null;
  const left = said.until ? Math.max(0, Math.ceil((said.until - now.value) / 1000)) : null;
  return (
    <div ref={shown} popover="manual" class={`notice notice-${said.tone}`} role={said.tone === "alert" ? "alert" : undefined}>
      <Icon name={said.tone === "alert" ? "alert" : "check"} />
      <p>{said.text}</p>
      {said.undo
        ? <Button icon="undo" kind="main" onClick={said.undo}>{t("undo")} <span class="num">{left}</span></Button>
        : <button type="button" class="btn btn-plain btn-square" aria-label={t("close")} onClick={() => (notice.value = null)}><Icon name="close" /></button>}
    </div>
  );
}
