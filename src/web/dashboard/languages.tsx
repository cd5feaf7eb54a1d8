import { tongueNames, tongues } from "../shared/words";
import { lang, t } from "./say";
import { choose } from "./state";

export function Languages() {
  return (
    <div class="langs" role="group" aria-label={t("language")}>
      {tongues.map((one) => <button type="button" key={one} lang={one} aria-pressed={lang.value === one} aria-label={`${one.toUpperCase()} ${tongueNames[one]}`} onClick={() => choose(one)}>{one.toUpperCase()}</button>)}
    </div>
  );
}
