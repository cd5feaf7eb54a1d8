// The PIN pad. A screen without a token shows its pairing code instead.
import { useState } from "preact/hooks";
import { Mark } from "../shared/art/Kitchen";
import { Refusal } from "../shared/client";
import { askToBePaired } from "../shared/pair";
import { tongueNames, tongues } from "../shared/words";
import { Button, Keypad } from "./parts";
import { lang, say, t } from "./say";
import { chooseLanguage, comeIn, device, now, spoken } from "./state";

const LONGEST = 8;
const SHORTEST = 4;
const code = device.token ? null : askToBePaired("staff", () => location.reload());

export function Languages() {
  return (
    <div class="langs" role="group" aria-label={t("language")}>
      {tongues.map((one) => (
        <button type="button" key={one} lang={one} aria-pressed={lang.value === one} aria-label={`${one.toUpperCase()} ${tongueNames[one]}`} onClick={() => chooseLanguage(one)}>{one.toUpperCase()}</button>
      ))}
    </div>
  );
}

export function Login() {
  const [pin, setPin] = useState("");
  const [wrong, setWrong] = useState("");
  const [until, setUntil] = useState(0);
  const [busy, setBusy] = useState(false);
  const wait = Math.max(0, Math.ceil((until - now.value) / 1000));

  if (code) {
    return (
      <main class="login">
        <div class="login-brand"><Mark size="5rem" /><h1>{t("pair.title")}</h1></div>
        <p class="pair-code num" aria-live="polite">{code.value.replace(/(...)(...)/, "$1 $2") || "··· ···"}</p>
        <p class="login-more">{t("pair.more")}</p>
        <Languages />
      </main>
    );
  }

  const press = (digit: string) => {
    setWrong("");
    setPin((before) => (before + digit).slice(0, LONGEST));
  };
  const send = async () => {
    if (pin.length < SHORTEST || busy || wait > 0) return;
    setBusy(true);
    try {
      await comeIn(pin);
    } catch (error) {
      const text = error instanceof Refusal ? say(error.guestMessage) || error.problem.title : t("failed.unreachable");
      setWrong(text);
      spoken.value = text;
      const again = error instanceof Refusal ? (error.problem as { retry_at?: number }).retry_at : undefined;
      if (again) setUntil(again);
    } finally {
      setPin("");
      setBusy(false);
    }
  };
  return (
    <main
      class="login"
      onKeyDown={(event) => {
        if (/^\d$/.test(event.key)) press(event.key);
        else if (event.key === "Backspace") setPin(pin.slice(0, -1));
        else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) void send();
      }}
    >
      <div class="login-brand"><Mark size="5rem" /><h1>{t("login.title")}</h1></div>
      <p class="dots" role="img" aria-label={t("login.typed", { n: pin.length })}>
        {Array.from({ length: Math.max(SHORTEST, pin.length) }, (_, n) => <i key={n} class={n < pin.length ? "on" : ""} />)}
      </p>
      <p class="login-wrong" role="alert">{wrong && (wait > 0 ? `${wrong} ${t("login.wait", { n: wait })}` : wrong)}</p>
      <Keypad onDigit={press} onErase={() => setPin(pin.slice(0, -1))} disabled={busy || wait > 0} />
      <Button kind="main" class="login-go" icon="check" disabled={pin.length < SHORTEST || busy || wait > 0} onClick={() => void send()}>{t("login.go")}</Button>
      <Languages />
    </main>
  );
}
