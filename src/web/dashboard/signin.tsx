// The door: name and password, or the identity provider.
import { useState } from "preact/hooks";
import { Mark } from "../shared/art/Kitchen";
import { Icon } from "../shared/icons";
import { post, Refusal, shut } from "./api";
import { span } from "./format";
import { Languages } from "./languages";
import { Field } from "./parts";
import { t, word } from "./say";
import { door, wake } from "./state";

export function SignIn() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState(() => { const refused = new URLSearchParams(location.search).get("refused"); return refused ? word("turned", refused) : ""; });
  const [busy, setBusy] = useState(false);
  const at = door.value;
  return (
    <main class="door">
      <div class="door-card">
        <Mark size="4.500rem" />
        <h1>{t("sign.title")}</h1>
        <p class="soft">{t("brand.hq")}</p>
        {at && !at.passwords && !at.provider ? <p class="note">{t("sign.token")}</p> : (
          <form onSubmit={(event) => {
            event.preventDefault();
            if (busy) return;
            setBusy(true);
            post("/sign-in", { name, password })
              .then(() => { shut.value = false; history.replaceState(null, "", location.pathname + location.hash); return wake(); })
              .catch((error: unknown) => setWrong(error instanceof Refusal ? (error.retryAfter ? t("sign.wait", { age: span(error.retryAfter * 1000) }) : t("sign.wrong")) : t("unreachable")))
              .finally(() => setBusy(false));
          }}>
            <Field label={t("people.login")}><input name="name" autocomplete="username" autocapitalize="none" required autofocus value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
            <Field label={t("password")}><input name="password" type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></Field>
            <p class="door-wrong" role="alert">{wrong && <><Icon name="alert" size="1.1rem" />{wrong}</>}</p>
            <button type="submit" class="btn btn-main" disabled={busy}>{t("sign.in")}</button>
          </form>
        )}
        {at?.provider && <a class="btn btn-plain" href="./auth/begin">{t("sign.provider", { name: at.provider })}</a>}
      </div>
      <Languages />
    </main>
  );
}
