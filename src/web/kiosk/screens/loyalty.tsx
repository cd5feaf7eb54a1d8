import { useCallback, useState } from "preact/hooks";
import { Refusal } from "../../shared/client";
import { lang, say, t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { grouped } from "../../shared/money";
import { find, forgetGuest, guest, join, masked, type Guest, type Way } from "../club";
import { Frame, Notice, price, Title, TopBar } from "../parts";
import { PHONE_FORM, PhoneForm } from "../phone";
import { useScanner } from "../scanner";
import { announce, backward, forward, notice, quote, store } from "../state";

/** Points and percents without a tail of zeros. */
const percent = (bp: number) => `${bp / 100} %`;

export function LoyaltyScreen() {
  const [asking, setAsking] = useState(false);
  const [unknown, setUnknown] = useState<Way | null>(null);
  const look = useCallback(async (way: Way) => {
    setAsking(true);
    notice.value = null;
    try {
      const known = await find(way);
      setUnknown(known ? null : way);
      if (known) announce(t("loyalty.known"));
    } catch (error) {
      complain(error);
    } finally {
      setAsking(false);
    }
  }, []);
  const scan = useCallback((card: string) => void look({ card }), [look]);
  useScanner(scan);
  // Who says "not me" types anew: nothing of the former number is left.
  const other = () => {
    setUnknown(null);
    forgetGuest();
  };
  if (guest.value) return <Known guest={guest.value} onOther={other} />;
  if (unknown) return <Join way={unknown} onOther={() => setUnknown(null)} />;
  return (
    <Frame
      class="flow"
      top={<TopBar onBack={backward} restart />}
      bottom={
        <footer class="footbar">
          <button type="button" class="btn btn-quiet" data-skip onClick={forward}>{t("loyalty.skip")}</button>
          <button type="submit" form={PHONE_FORM} class="btn btn-main" aria-disabled={asking}>{asking ? <span class="spinner" aria-hidden="true" /> : <Icon name="sparkle" size="1.8rem" />}{t("next")}</button>
        </footer>
      }
    >
      <main key="ask" class="flow-body flow-centre entry club">
        <Title>{t("loyalty.title")}</Title>
        <p class="lead">{t("loyalty.more", { percent: percent(store.value?.loyalty?.earn_bp ?? 0), name: say(store.value?.loyalty?.name) })} <Offline /></p>
        <p class="club-scan"><Icon name="card" size="2.4rem" /><span>{t("loyalty.scan")}</span></p>
        <Notice />
        <PhoneForm value="" onDone={(phone) => void (asking || look({ phone }))} />
      </main>
    </Frame>
  );
}

function complain(error: unknown): void {
  const own = error instanceof Refusal ? error.guestMessage : null;
  notice.value = { text: own ?? t("loyalty.failed"), tone: "alert" };
}

function Offline() {
  return store.value?.loyalty?.offline ? <span class="club-offline">{t("loyalty.offline")}</span> : null;
}

function Known({ guest: now, onOther }: { guest: Guest; onOther: () => void }) {
  const points = quote.value?.points;
  return (
    <Frame
      class="flow"
      top={<TopBar onBack={backward} restart />}
      bottom={
        <footer class="footbar">
          <button type="button" class="btn btn-quiet" data-other onClick={onOther}>{t("loyalty.notme")}</button>
          <button type="button" class="btn btn-main" data-next onClick={forward}>{t("next")}<Icon name="next" size="1.8rem" /></button>
        </footer>
      }
    >
      <main key="known" class="flow-body flow-centre club">
        <Title>{t(now.new ? "loyalty.welcome" : "loyalty.hello")}</Title>
        <div class="club-card" role="group" aria-label={t("loyalty.card")}>
          <span class="club-name">{say(store.value?.loyalty?.name)}</span>
          <span class="club-number num">{now.initial && <b>{now.initial}.</b>} {now.masked}</span>
          <span class="club-points"><strong class="display num">{grouped(now.balance, lang.value)}</strong><span>{t("loyalty.points", { n: now.balance })}</span></span>
          <span class="club-level">{now.level ? `${say(now.level.name)} · ${percent(now.earn_bp)}` : percent(now.earn_bp)}</span>
        </div>
        {points && <ul class="club-facts">
          <li><Icon name="plus" size="1.8rem" /><span>{t("loyalty.earns", { n: points.earns })}</span></li>
          {points.spendable > 0 && <li><Icon name="tag" size="1.8rem" /><span>{t("loyalty.spendable", { n: points.spendable, sum: price(points.spendable_minor) })}</span></li>}
        </ul>}
        <p class="lead"><Offline /></p>
      </main>
    </Frame>
  );
}

function Join({ way, onOther }: { way: Way; onOther: () => void }) {
  const [busy, setBusy] = useState(false);
  const programme = store.value?.loyalty;
  const agree = async () => {
    if (busy) return;
    setBusy(true);
    notice.value = null;
    try {
      await join(way);
      announce(t("loyalty.welcome"));
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Frame
      class="flow"
      top={<TopBar onBack={onOther} restart />}
      bottom={
        <footer class="footbar">
          <button type="button" class="btn btn-quiet" data-skip onClick={forward}>{t("loyalty.skip")}</button>
          <button type="button" class="btn btn-main" data-join aria-disabled={busy} onClick={() => void agree()}>{busy ? <span class="spinner" aria-hidden="true" /> : <Icon name="check" size="1.8rem" />}{t("loyalty.join")}</button>
        </footer>
      }
    >
      <main key="join" class="flow-body flow-centre club">
        <span class="roundel roundel-safe"><Icon name="sparkle" size="4.4rem" /></span>
        <Title>{t("loyalty.new", { name: say(programme?.name) })}</Title>
        <p class="club-number num">{masked(way)}</p>
        <p class="lead">{t("loyalty.new.more", { percent: percent(programme?.earn_bp ?? 0), share: percent(programme?.max_share_bp ?? 0) })}</p>
        <Notice />
        <p class="club-terms"><Icon name="shield" size="2.2rem" /><span>{say(programme?.terms)}</span></p>
        <button type="button" class="btn btn-small" data-retype onClick={onOther}>{t("loyalty.retype")}</button>
      </main>
    </Frame>
  );
}
