import { useState } from "preact/hooks";
import { t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { Title, TopBar } from "../parts";
import { go, phone, reset } from "../state";

const countries = [
  { code: "+7", digits: 10, groups: [3, 3, 2, 2] },
  { code: "+998", digits: 9, groups: [2, 3, 2, 2] },
] as const;

export function PhoneScreen() {
  const known = countries.findIndex((one) => phone.value.startsWith(one.code));
  const [which, setWhich] = useState(Math.max(0, known));
  const country = countries[which] ?? countries[0];
  const [digits, setDigits] = useState(known >= 0 ? phone.value.slice(country.code.length) : "");
  const [short, setShort] = useState(false);
  const put = (text: string) => {
    setDigits(text.replace(/\D/g, "").slice(0, country.digits));
    setShort(false);
  };
  const next = (value: string) => {
    phone.value = value;
    go("tender");
  };
  const send = () => (digits.length === country.digits ? next(country.code + digits) : setShort(true));
  return (
    <div class="screen flow">
      <TopBar onBack={() => go("service")} onHome={reset} />
      <main class="flow-body flow-centre phone">
        <Title>{t("phone.title")}</Title>
        <p class="lead">{t("phone.more")}</p>
        <form class="phone-form" onSubmit={(event) => { event.preventDefault(); send(); }}>
          <div class="phone-row">
            <div class="langs" role="group" aria-label={t("phone.country")}>
              {countries.map((one, i) => <button type="button" key={one.code} class="lang" aria-pressed={i === which} onClick={() => { setWhich(i); setDigits(digits.slice(0, one.digits)); }}>{one.code}</button>)}
            </div>
            <input class="phone-input num" type="tel" inputMode="none" autocomplete="off" aria-label={t("phone.field")} aria-invalid={short} aria-describedby="phone-fault" value={grouped(digits, country.groups)} placeholder={grouped("0".repeat(country.digits), country.groups)} onInput={(event) => put(event.currentTarget.value)} />
          </div>
          <p id="phone-fault" class="fault" role="alert">{short ? t("phone.incomplete") : ""}</p>
          <div class="keypad">
            {["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((key) => <button type="button" key={key} class="key num" onClick={() => put(digits + key)}>{key}</button>)}
            <span />
            <button type="button" class="key num" onClick={() => put(`${digits}0`)}>0</button>
            <button type="button" class="key" aria-label={t("phone.erase")} onClick={() => put(digits.slice(0, -1))}><Icon name="erase" size="2.2rem" /></button>
          </div>
          <div class="actions">
            <button type="button" class="btn btn-quiet" onClick={() => next("")}>{t("phone.skip")}</button>
            <button type="submit" class="btn btn-main"><Icon name="message" size="1.8rem" />{t("phone.send")}</button>
          </div>
        </form>
      </main>
    </div>
  );
}

function grouped(digits: string, groups: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const size of groups) {
    const part = digits.slice(from, from + size);
    if (part) parts.push(part);
    from += size;
  }
  return parts.join(" ");
}
