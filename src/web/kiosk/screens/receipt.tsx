import { useState } from "preact/hooks";
import { t } from "../../shared/i18n";
import { Icon, type IconName } from "../../shared/icons";
import type { ReceiptWay } from "../../shared/types";
import { Keyboard, looksLikeEmail, typed } from "../keyboard";
import { Frame, Title, TopBar } from "../parts";
import { PHONE_FORM, PhoneForm } from "../phone";
import { backward, email, forward, phone, receiptWay, receiptWays } from "../state";

const icons: Record<ReceiptWay, IconName> = { paper: "receipt", sms: "message", email: "mail" };

export function ReceiptScreen() {
  const [asking, setAsking] = useState<"sms" | "email" | null>(null);
  const done = (way: ReceiptWay) => {
    receiptWay.value = way;
    forward();
  };
  const choose = (way: ReceiptWay) => {
    // A phone that was given for the SMS is not asked for twice.
    if (way === "paper" || (way === "sms" && phone.value)) done(way);
    else setAsking(way);
  };
  if (asking === "sms") {
    return (
      <Frame class="flow" top={<TopBar onBack={() => setAsking(null)} restart />} bottom={<Next form={PHONE_FORM} />}>
        <main key="sms" class="flow-body flow-centre entry">
          <Title>{t("receipt.phone.title")}</Title>
          <p class="lead">{t("receipt.once")}</p>
          <PhoneForm value={phone.value} onDone={(value) => { phone.value = value; done("sms"); }} />
        </main>
      </Frame>
    );
  }
  if (asking === "email") {
    return (
      <Frame class="flow" top={<TopBar onBack={() => setAsking(null)} restart />} bottom={<Next form={EMAIL_FORM} />}>
        <main key="email" class="flow-body flow-centre entry entry-wide">
          <Title>{t("receipt.email.title")}</Title>
          <p class="lead">{t("receipt.once")}</p>
          <EmailForm onDone={(value) => { email.value = value; done("email"); }} />
        </main>
      </Frame>
    );
  }
  return (
    <Frame class="flow" top={<TopBar onBack={backward} restart />}>
      <main key="ways" class="flow-body flow-centre">
        <Title>{t("receipt.title")}</Title>
        <div class="tenders">
          {receiptWays.value.map((way) => (
            <button type="button" key={way} class="tender" data-receipt={way} onClick={() => choose(way)}>
              <span class="tender-icon"><Icon name={icons[way]} size="3rem" /></span>
              <span class="tender-text"><strong>{t(`receipt.${way}`)}</strong><span>{t(`receipt.${way}.more`)}</span></span>
              <Icon name="next" size="2rem" />
            </button>
          ))}
        </div>
      </main>
    </Frame>
  );
}

const EMAIL_FORM = "email-form";

function Next(props: { form: string }) {
  return <footer class="footbar"><button type="submit" form={props.form} class="btn btn-main">{t("next")}<Icon name="next" size="1.8rem" /></button></footer>;
}

function EmailForm(props: { onDone: (email: string) => void }) {
  const [text, setText] = useState(email.value);
  const [wrong, setWrong] = useState(false);
  const put = (next: string) => {
    setText(next.replace(/\s/g, "").toLowerCase().slice(0, 254));
    setWrong(false);
  };
  return (
    <form id={EMAIL_FORM} class="email-form" noValidate onSubmit={(event) => { event.preventDefault(); if (looksLikeEmail(text)) props.onDone(text); else setWrong(true); }}>
      <input class="field" type="email" inputMode="none" autocomplete="off" aria-label={t("email.field")} aria-invalid={wrong} aria-describedby="email-fault" value={text} onInput={(event) => put(event.currentTarget.value)} />
      <p id="email-fault" class="fault" role="alert">{wrong ? t("email.incomplete") : ""}</p>
      <Keyboard layout="email" onKey={(key) => put(typed(text, key))} />
    </form>
  );
}
