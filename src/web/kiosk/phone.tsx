// Entering a phone number, for the SMS and for the receipt.
import { useState } from "preact/hooks";
import { t } from "../shared/i18n";
import { countries, groupedDigits, Keyboard } from "./keyboard";
import { currency } from "./state";

/** The form's buttons stand in the foot of the screen and name it: `form={PHONE_FORM}`. */
export const PHONE_FORM = "phone-form";

export function PhoneForm(props: { value: string; onDone: (phone: string) => void }) {
  const known = countries.findIndex((one) => props.value.startsWith(one.code));
  const home = currency.value === "UZS" ? 1 : 0;
  const [which, setWhich] = useState(known >= 0 ? known : home);
  const country = countries[which] ?? countries[0];
  const [digits, setDigits] = useState(known >= 0 ? props.value.slice(country.code.length) : "");
  const [short, setShort] = useState(false);
  const put = (text: string) => {
    setDigits(text.replace(/\D/g, "").slice(0, country.digits));
    setShort(false);
  };
  const send = () => (digits.length === country.digits ? props.onDone(country.code + digits) : setShort(true));
  return (
    <form id={PHONE_FORM} class="phone-form" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <div class="phone-row">
        <div class="langs" role="group" aria-label={t("phone.country")}>
          {countries.map((one, i) => <button type="button" key={one.code} class="lang" aria-pressed={i === which} onClick={() => { setWhich(i); setDigits(digits.slice(0, one.digits)); }}>{one.code}</button>)}
        </div>
        <input class="field num" type="tel" inputMode="none" autocomplete="off" aria-label={t("phone.field")} aria-invalid={short} aria-describedby="phone-fault" value={groupedDigits(digits, country.groups)} placeholder={groupedDigits("0".repeat(country.digits), country.groups)} onInput={(event) => put(event.currentTarget.value)} />
      </div>
      <p id="phone-fault" class="fault" role="alert">{short ? t("phone.incomplete") : ""}</p>
      <Keyboard layout="digits" onKey={(key) => put(key === null ? digits.slice(0, -1) : digits + key)} />
    </form>
  );
}
