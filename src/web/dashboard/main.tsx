import "../shared/fonts.css";
import "../shared/base.css";
import "./shell.css";
import "./parts.css";
import "./pages.css";
import { render } from "preact";
import { Mark } from "../shared/art/Kitchen";
import { Icon, type IconName } from "../shared/icons";
import { Alerts } from "./alerts";
import { Books } from "./books";
import { Fleet } from "./fleet";
import { count, span } from "./format";
import { Languages } from "./languages";
import { useLoaded } from "./load";
import { Map_ } from "./map";
import { Order } from "./order";
import { Audit, People } from "./people";
import { Plots } from "./plots";
import { Rollouts } from "./rollouts";
import { t, word } from "./say";
import { age, connected, door, link, may, me, notice, route, stale, wake } from "./state";
import { SignIn } from "./signin";
import { Store } from "./store";
import type { AlertPage } from "./types";

const nav: { id: string; icon: IconName; role?: "manager" }[] = [
  { id: "", icon: "bag" },
  { id: "alerts", icon: "bell" },
  { id: "books", icon: "book" },
  { id: "plots", icon: "flame" },
  { id: "map", icon: "globe" },
  { id: "rollouts", icon: "shift" },
  { id: "people", icon: "person" },
  { id: "audit", icon: "eye", role: "manager" },
];

const root = document.getElementById("app");
if (root) render(<App />, root);
void wake();

function App() {
  return <>{me.value ? <Shell /> : door.value ? <SignIn /> : <main class="door"><p class="soft" role="status">{t("starting")}</p></main>}<Notice /></>;
}

function Shell() {
  const [page = "", id, tab = "", part] = route.value.path;
  const here = page === "stores" ? "" : page;
  const alerts = useLoaded<AlertPage>("/alerts?limit=1");
  const open = alerts.value?.open ?? 0;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>("main h1")?.focus(); }}>{t("skip")}</a>
      <header class="side">
        <a class="brand" href={link([])}><Mark size="2.6rem" /><span class="display">Galley</span><small>{t("brand.hq")}</small></a>
        <nav aria-label={t("nav")}>
          {nav.filter((one) => !one.role || may(one.role)).map((one) => (
            <a key={one.id} href={link(one.id ? [one.id] : [])} aria-current={here === one.id ? "page" : undefined} data-page={one.id || "fleet"}>
              <Icon name={one.icon} size="1.3rem" /><span>{word("nav", one.id || "fleet")}</span>
              {one.id === "alerts" && open > 0 && <b class="badge num" aria-label={t("alerts.open.n", { n: open })}>{count(open)}</b>}
            </a>
          ))}
        </nav>
        <div class="side-foot">
          <Languages />
          <p class="who"><Icon name="person" size="1.1rem" /><span>{me.value?.full_name || (me.value?.way === "open" ? t("way.open") : me.value?.name)}</span><small>{word("role", me.value?.role ?? "viewer")}</small></p>
        </div>
      </header>
      <div class="stage">
        <Freshness />
        <main id="main">{body(page, id, tab, part)}</main>
      </div>
    </>
  );
}

function body(page: string, id: string | undefined, tab: string, part: string | undefined) {
  switch (page) {
    case "alerts":
      return <Alerts />;
    case "books":
      return <Books />;
    case "plots":
      return <Plots />;
    case "map":
      return <Map_ />;
    case "rollouts":
      return <Rollouts id={id} key={id} />;
    case "people":
      return <People />;
    case "audit":
      return <Audit />;
    case "stores":
      if (id && tab === "orders" && part) return <Order store={id} id={part} key={part} />;
      return id ? <Store id={id} tab={tab} key={id} /> : <Fleet />;
    default:
      return <Fleet />;
  }
}

/** How old what is shown is, always; and that it is not connected, when it is not. */
function Freshness() {
  const ms = age.value;
  const lost = stale.value;
  return (
    <p class={`fresh${lost ? " fresh-lost" : connected.value ? "" : " fresh-slow"}`} role="status">
      <span class="fresh-dot" aria-hidden="true" />
      {lost ? <><b>{t("fresh.lost")}</b> {ms !== null && t("fresh.old", { age: span(ms) })}</> : <>{connected.value ? t("fresh.live") : t("fresh.slow")} <span class="num soft" aria-hidden="true">{ms === null || ms < 2000 ? t("fresh.now") : t("fresh.age", { age: span(ms) })}</span></>}
    </p>
  );
}

function Notice() {
  const said = notice.value;
  return <div class="notices" role="status" aria-live="polite">{said && <p class={`notice${said.bad ? " notice-bad" : ""}`}><Icon name={said.bad ? "alert" : "check"} size="1.3rem" />{said.text}<button type="button" class="btn btn-quiet btn-square" aria-label={t("close")} onClick={() => (notice.value = null)}><Icon name="close" size="1rem" /></button></p>}</div>;
}
