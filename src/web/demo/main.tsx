import "../shared/fonts.css";
import "../shared/base.css";
import "./demo.css";
import { render } from "preact";
import { Mark } from "../shared/art/Kitchen";
import { Icon, type IconName } from "../shared/icons";
import { lang, languageNames, languages, say, t, tCode } from "../shared/i18n";
import { money } from "../shared/money";
import { Counts } from "./counts";
import { Diagram } from "./diagram";
import { choose, endDay, flip, isOn, lost, near, openBill, payByPhone, powerCut, said, state, type Switch } from "./state";

const root = document.getElementById("app");
if (root) render(<App />, root);

const icons: Record<string, IconName> = { internet: "globe", bank: "bank", printer_cable: "printer", paper: "receipt", robot_link: "robot", robot_jam: "alert", power: "power" };

function App() {
  const now = state.value;
  return (
    <>
      <header class="top">
        <Mark size="3rem" /><span class="display brand">Galley</span>
        <div class="title"><h1>{t("demo.title")}</h1><p>{t("demo.lead")}</p></div>
        {now && (
          <nav aria-label={t("demo.links")}>
            {(["kiosk", "board", "shift_report", "hq"] as const).map((key) => now.links[key] && <a key={key} data-link={key} href={near(now.links[key])} target="_blank" rel="noreferrer">{t(`demo.link.${key}`)}</a>)}
          </nav>
        )}
        <div class="langs" role="group" aria-label={t("lang.choose")}>
          {languages.map((code) => <button type="button" key={code} lang={code} aria-label={`${code.toUpperCase()} ${languageNames[code]}`} aria-pressed={lang.value === code} onClick={() => choose(code)}>{code.toUpperCase()}</button>)}
        </div>
      </header>
      {lost.value && <p class="ribbon" role="alert"><Icon name="alert" size="1.3rem" />{powerCut.value ? t("demo.power.going") : t("demo.lost")}</p>}
      {now ? (
        <main>
          <Kiosk address={near(now.links.kiosk)} />
          <div class="middle">
            <Counts now={now} />
            <Diagram now={now} />
            <section class="switches" aria-labelledby="switches">
              <h2 id="switches">{t("demo.switches")}</h2>
              <div class="switch-row">{now.switches.map((one) => <SwitchButton key={one.id} one={one} />)}</div>
            </section>
            <Lists />
          </div>
          <Paper />
        </main>
      ) : <p class="waiting" role="status">{t("conn.lost.short")}</p>}
      <div class="hidden-visually" role="status">{said.value}</div>
    </>
  );
}

function Kiosk({ address }: { address: string }) {
  const bill = openBill.value;
  const payable = isOn("internet") && isOn("bank");
  const pay = async () => {
    said.value = (await payByPhone()) ? t("demo.paid") : t("demo.pay.none");
  };
  return (
    <section class="stand" aria-label={t("demo.kiosk.frame")}>
      <div class="kiosk-body">
        <div class="kiosk-glass"><iframe title={t("demo.kiosk.frame")} src={address} /></div>
        <div class="kiosk-lip" aria-hidden="true"><i /><i /></div>
      </div>
      <button type="button" class={`pay${bill && payable ? " pay-live" : ""}`} onClick={() => void pay()} data-act="pay">
        <Icon name="phone" size="2.4rem" />
        <span><b>{t("demo.pay")}</b><small>{bill ? t("demo.pay.one", { sum: money(bill.amount_minor, "RUB", lang.value) }) : t("demo.pay.none")}</small></span>
      </button>
    </section>
  );
}

function SwitchButton({ one }: { one: Switch }) {
  const label = tCode("demo.sw", one.id) === one.id.replaceAll("_", " ") ? one.label : tCode("demo.sw", one.id);
  if (one.kind === "button") {
    return (
      <button type="button" class="switch switch-power" data-switch={one.id} disabled={powerCut.value} onClick={() => void flip(one)}>
        <span class="power-knob"><Icon name="power" size="1.8rem" /></span><span><b>{label}</b><small>{powerCut.value ? t("demo.power.going") : t("demo.power.hint")}</small></span>
      </button>
    );
  }
  // A jam is a fault that is switched on; everything else is a connection that is switched off.
  const bad = one.id === "robot_jam" ? one.on : !one.on;
  return (
    <button type="button" role="switch" aria-checked={one.on} class={`switch${bad ? " switch-bad" : ""}`} data-switch={one.id} onClick={() => void flip(one)}>
      <span class="lever" aria-hidden="true"><i /></span>
      <span><b><Icon name={icons[one.id] ?? "power"} size="1.2rem" />{label}</b><small>{one.id === "robot_jam" ? (one.on ? t("step.now") : t("demo.off")) : one.on ? t("demo.on") : t("demo.cut")}</small></span>
    </button>
  );
}

function Lists() {
  const now = state.value;
  if (!now) return null;
  return (
    <div class="lists">
      <section aria-labelledby="robot"><h2 id="robot"><Icon name="robot" size="1.4rem" />{t("demo.robot")}</h2>
        {now.robot.jobs.length === 0 ? <p class="none">{t("demo.robot.none")}</p> : (
          <ul>{now.robot.jobs.slice(-5).reverse().map((job) => {
            const done = job.state === "plated" || job.state === "done";
            const percent = done ? 100 : Math.min(99, Math.floor((job.progress_pm ?? 0) / 10));
            const name = say(job.name) || job.order || "…";
            return <li key={job.job_id}><span class="ell">{name}</span><span class="dim">{tCode("job", job.state)}</span><div class="bar" role="progressbar" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}><i style={{ width: `${percent}%` }} class={done ? "bar-done" : ""} /></div></li>;
          })}</ul>
        )}
      </section>
      <section aria-labelledby="bank"><h2 id="bank"><Icon name="bank" size="1.4rem" />{t("demo.bank")}</h2>
        {now.bank.orders.length === 0 ? <p class="none">{t("demo.bank.none")}</p> : (
          <ul>{now.bank.orders.slice(-5).reverse().map((one) => <li key={one.order_number}><span class="num">{money(one.amount_minor, "RUB", lang.value)}</span><span class="dim">{tCode("bank.state", one.state)}</span></li>)}</ul>
        )}
      </section>
      <section aria-labelledby="sms"><h2 id="sms"><Icon name="message" size="1.4rem" />{t("demo.sms")}</h2>
        {now.sms.sent.length === 0 ? <p class="none">{t("demo.sms.none")}</p> : <ul>{now.sms.sent.slice(-3).reverse().map((one, i) => <li key={now.sms.sent.length - i}><span class="bubble">{one.text}</span></li>)}</ul>}
      </section>
    </div>
  );
}

/** What the kitchen's plain printer says: one slip an order, and pre-bills. */
function Slips({ lines }: { lines: string[] }) {
  return (
    <section class="slips" aria-labelledby="slips">
      <h3 id="slips"><Icon name="receipt" size="1.2rem" />{t("demo.slips")}</h3>
      <div class="roll roll-slips" tabIndex={0} role="group" aria-label={t("demo.slips")}>
        {lines.length === 0 ? <p class="blank">{t("demo.slips.none")}</p> : <pre lang="ru" style={{ "--columns": Math.max(32, ...lines.map((line) => line.length)) }}>{lines.join("\n")}</pre>}
      </div>
    </section>
  );
}

function Paper() {
  const now = state.value;
  if (!now) return null;
  const out = !isOn("paper");
  return (
    <section class="printer" aria-labelledby="paper">
      <h2 id="paper"><Icon name="printer" size="1.4rem" />{t("demo.paper")}</h2>
      <p class="dim num">{t("demo.documents", { n: now.printer.documents })}{now.printer.shift !== null && <> · {t("demo.shift", { state: tCode("shift.state", now.printer.shift) })}</>}</p>
      <div class={`machine${isOn("printer_cable") ? "" : " machine-cut"}`}>
        <div class="machine-head" aria-hidden="true"><span class={`lamp${out || !isOn("printer_cable") ? " lamp-bad" : ""}`} /><span class="slot" /></div>
        {out && <p class="out" role="status"><Icon name="alert" size="1.2rem" />{t("demo.paper.out")}</p>}
        <div class="roll" tabIndex={0} role="group" aria-label={t("demo.paper")}>
          {now.printer.paper_tail.length === 0 ? <p class="blank">{t("demo.paper.none")}</p> : <pre lang="ru">{now.printer.paper_tail.join("\n")}</pre>}
        </div>
      </div>
      <Slips lines={now.slips.paper_tail} />
      <button type="button" class="endday" onClick={() => void endDay()} data-act="end-day"><Icon name="book" size="1.5rem" /><span><b>{t("demo.endday")}</b><small>{t("demo.endday.hint")}</small></span></button>
    </section>
  );
}
