import { Kitchen, Mark } from "../../shared/art/Kitchen";
import { Icon } from "../../shared/icons";
import { languageNames, languages, say, setLang, t } from "../../shared/i18n";
import type { Lang } from "../../shared/types";
import { go, store } from "../state";

export function Attract() {
  const accepting = store.value?.accepting;
  const begin = (code: Lang) => {
    setLang(code);
    go("menu");
  };
  return (
    <main class="attract">
      <div class="attract-speckle" aria-hidden="true" />
      <header class="attract-brand"><Mark size="4.4rem" /><span class="display">Galley</span><small>{say(store.value?.name)}</small></header>
      <div class="attract-art"><Kitchen /></div>
      <section class="attract-panel">
        {accepting && !accepting.ok ? (
          <>
            <h1>{t("closed.title")}</h1>
            <div class="closed-reasons" role="status">
              {languages.map((code) => (
                <p key={code} lang={code}><Icon name="clock" size="2rem" /><span><strong>{say(accepting.reason, code) || t("closed.title", {}, code)}</strong><br />{t("closed.more", {}, code)}</span></p>
              ))}
            </div>
          </>
        ) : (
          <>
            <h1>{t("attract.title")}</h1>
            <p class="attract-sub">{t("attract.sub")}</p>
            <div class="attract-langs" role="group" aria-label={t("attract.choose")}>
              {languages.map((code) => (
                <button type="button" key={code} lang={code} class="attract-lang" onClick={() => begin(code)}>
                  <strong>{languageNames[code]}</strong>
                  <span>{t("attract.start", {}, code)}</span>
                </button>
              ))}
            </div>
          </>
        )}
      </section>
    </main>
  );
}
