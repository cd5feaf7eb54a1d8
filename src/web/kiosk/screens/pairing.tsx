// A screen that the box doesn't know shows a code; whoever may, types it at the box, and the screen gets its key.
import { useEffect, useState } from "preact/hooks";
import { boxNow, delay } from "../../shared/client";
import { t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { remember } from "../../shared/token";
import { Mark } from "../../shared/art/Kitchen";
import { LanguageSwitch } from "../parts";

interface Asked {
  /** Shown on the screen. */
  code: string;
  /** Never shown: proves that the asker is the screen that shows the code. */
  poll_token: string;
  expires_at: number;
}

const ASK_MS = 2000;
const PATH = "/api/v1/pairing";

async function ask(): Promise<Asked> {
  const answer = await fetch(PATH, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ role: "kiosk" }) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return (await answer.json()) as Asked;
}

/** The screen's token once it is paired, null while it waits, undefined when the code is over. */
async function poll(asked: Asked): Promise<string | null | undefined> {
  const answer = await fetch(PATH, { headers: { Authorization: `Bearer ${asked.poll_token}` }, cache: "no-store" });
  if (answer.status === 401) return undefined;
  const body = (await answer.json()) as { state: string; token?: string };
  return body.state === "paired" ? body.token : null;
}

export function Pairing() {
  const [now, setNow] = useState<Asked | null>(null);
  const [away, setAway] = useState(false);
  const [, tick] = useState(0);
  useEffect(() => {
    let going = true;
    const beat = setInterval(() => tick((n) => n + 1), 1000);
    void (async () => {
      let asked: Asked | null = null;
      while (going) {
        try {
          if (!asked) {
            asked = await ask();
            setNow(asked);
            setAway(false);
          } else {
            const token = await poll(asked);
            if (token) {
              remember("galley.kiosk.token", token);
              location.reload();
              return;
            }
            if (token === undefined) {
              asked = null;
              continue;
            }
          }
        } catch {
          // The box is away; a code that was given still holds.
          setAway(!asked);
        }
        await delay(ASK_MS);
      }
    })();
    return () => {
      going = false;
      clearInterval(beat);
    };
  }, []);
  if (!now) {
    return <main class="standby"><Mark size="6rem" /><h1>{t("token.missing")}</h1>{away && <p>{t("token.missing.more")}</p>}</main>;
  }
  const left = Math.max(0, Math.ceil((now.expires_at - boxNow()) / 1000));
  return (
    <main class="standby pairing">
      <Mark size="6rem" />
      <h1>{t("pair.title")}</h1>
      <p>{t("pair.more")}</p>
      <p class="pair-code num" aria-label={[...now.code].join(" ")}>{now.code.replace(/^(\d{3})(\d{3})$/, "$1\u00a0$2")}</p>
      <p class="countdown" role="timer" aria-live="off"><Icon name="clock" size="1.8rem" /><span>{t("pay.left")}</span> <strong class="num">{Math.floor(left / 60)}:{String(left % 60).padStart(2, "0")}</strong></p>
      <p class="busy" role="status"><span class="spinner" aria-hidden="true" />{t("pair.wait")}</p>
      <LanguageSwitch />
    </main>
  );
}
