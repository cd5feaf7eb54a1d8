import { t } from "../../shared/i18n";
import type { Service } from "../../shared/types";
import { reset } from "../checkout";
import { Frame, Title, TopBar } from "../parts";
import { forward, service } from "../state";

export function ServiceScreen() {
  const choose = (next: Service) => {
    service.value = next;
    forward();
  };
  return (
    <Frame class="flow" top={<TopBar onBack={reset} />}>
      <main class="flow-body flow-centre">
        <Title>{t("service.title")}</Title>
        <div class="choices">
          <button type="button" class="choice" data-service="here" onClick={() => choose("here")}>
            <svg viewBox="0 0 200 150" aria-hidden="true"><ellipse cx="104" cy="126" rx="86" ry="13" fill="#000" opacity=".14" /><ellipse cx="100" cy="112" rx="88" ry="24" fill="#1d3470" /><ellipse cx="100" cy="108" rx="84" ry="20" fill="#fffdf6" /><path d="M34 98c2-50 40-68 66-68s64 18 66 68z" fill="#c2301a" /><path d="M112 32c28 8 46 28 48 66h6c-2-50-34-66-54-66z" fill="#9c2412" /><circle cx="100" cy="25" r="9" fill="#f2b23a" /><path d="M54 82c3-20 14-32 28-36" stroke="#fff" stroke-width="6" stroke-linecap="round" fill="none" opacity=".6" /></svg>
            <strong class="display">{t("service.here")}</strong><span>{t("service.here.more")}</span>
          </button>
          <button type="button" class="choice" data-service="to_go" onClick={() => choose("to_go")}>
            <svg viewBox="0 0 200 150" aria-hidden="true"><ellipse cx="104" cy="138" rx="66" ry="9" fill="#000" opacity=".14" /><path d="M52 48h96l10 90H42z" fill="#d9a25a" /><path d="M126 48h22l10 90h-26z" fill="#b98240" /><path d="M52 48l8-12 10 12 10-12 10 12 10-12 10 12 10-12 10 12 10-12 8 12z" fill="#c99049" /><path d="M78 44c0-38 44-38 44 0" fill="none" stroke="#1d3470" stroke-width="7" stroke-linecap="round" /><circle cx="96" cy="94" r="24" fill="#fffdf6" stroke="#1d3470" stroke-width="5" /><circle cx="96" cy="94" r="13" fill="#c2301a" /></svg>
            <strong class="display">{t("service.to_go")}</strong><span>{t("service.to_go.more")}</span>
          </button>
        </div>
      </main>
    </Frame>
  );
}
