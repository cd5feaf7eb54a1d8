import { t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { Frame, Title, TopBar } from "../parts";
import { PHONE_FORM, PhoneForm } from "../phone";
import { guest } from "../club";
import { backward, forward, phone } from "../state";

export function ContactScreen() {
  const known = guest.value?.phone ?? "";
  const next = (value: string) => {
    phone.value = value;
    forward();
  };
  return (
    <Frame
      class="flow"
      top={<TopBar onBack={backward} restart />}
      bottom={
        <footer class="footbar">
          <button type="button" class="btn btn-quiet" data-skip onClick={() => next("")}>{t("phone.skip")}</button>
          <button type="submit" form={PHONE_FORM} class="btn btn-main"><Icon name="message" size="1.8rem" />{t("phone.send")}</button>
        </footer>
      }
    >
      <main class="flow-body flow-centre entry">
        <Title>{t("phone.title")}</Title>
        {known
          ? <button type="button" class="btn btn-quiet entry-known" data-known onClick={() => next(known)}><Icon name="message" size="1.8rem" />{t("phone.known", { number: guest.value?.masked ?? "" })}</button>
          : <p class="lead">{t("phone.more")}</p>}
        <PhoneForm value={phone.value} onDone={next} />
      </main>
    </Frame>
  );
}
