// A screen that the box doesn't know shows a code; whoever may, types it at the box, and the screen gets its key.
import { useEffect, useState } from "preact/hooks";
import { boxNow } from "../../shared/client";
import { t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { remember } from "../../shared/token";
import { Mark } from "../../shared/art/Kitchen";
import { LanguageSwitch } from "../parts";
import { client } from "../state";

interface Pairing {
  id: string;
  /** Shown on the screen. */
  code: string;
  /** Never shown: proves that the asker is the screen that shows the code. */
  secret: string;
  expires_at: number;
}

type Answer = { state: "waiting" | "refused" | "expired" } | { state: "approved"; token: string };

const ASK_MS = 2000;

export function Pairing() {
  const [now, setNow] = useState<Pairing | null>(null);
  const [known, setKnown] = useState(true);
  const [, tick] = useState(0);
  useEffect(() => {
    let going = true;
    const beat = setInterval(() => tick((n) => n + 1), 1000);
    void (async () => {
      let pairing: Pairing | null = null;
      while (going) {
        try {
          if (!pairing || pairing.expires_at <= boxNow()) {
            pairing = await client.once<Pairing>("/pairings", { device: "kiosk" });
            setNow(pairing);
            setKnown(true);
          } else {
            const answer: Answer = await client.ask<Answer>(`/pairings/${pairing.id}`, { secret: pairing.secret });
            if (answer.state === "approved") {
              remember("galley.kiosk.token", answer.token);
              location.reload();
              return;
            }
            if (answer.state !== "waiting") pairing = null;
          }
        } catch {
          // No box, or one that pairs in another way; its printed address carries the key then.
          pairing = null;
          setNow(null);
          setKnown(false);
        }
        await new Promise((next) => setTimeout(next, ASK_MS));
      }
    })();
    return () => {
      going = false;
      clearInterval(beat);
    };
  }, []);
  if (!now) {
    return <main class="standby"><Mark size="6rem" /><h1>{t("token.missing")}</h1>{!known && <p>{t("token.missing.more")}</p>}</main>;
  }
  const left = Math.max(0, Math.ceil((now.expires_at - boxNow()) / 1000));
  return (
    <main class="standby pairing">
      <Mark size="6rem" />
      <h1>{t("pair.title")}</h1>
      <p>{t("pair.more")}</p>
      <p class="pair-code num" aria-label={[...now.code].join(" ")}>{now.code}</p>
      <p class="pair-command"><code>galley kiosk pair {now.code}</code></p>
      <p class="countdown" role="timer" aria-live="off"><Icon name="clock" size="1.8rem" /><span>{t("pay.left")}</span> <strong class="num">{Math.floor(left / 60)}:{String(left % 60).padStart(2, "0")}</strong></p>
      <p class="busy" role="status"><span class="spinner" aria-hidden="true" />{t("pair.wait")}</p>
      <LanguageSwitch />
    </main>
  );
}
