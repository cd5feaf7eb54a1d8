import { t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { Frame, Title, TopBar } from "../parts";
import { PHONE_FORM, PhoneForm } from "../phone";
import { backward, forward, phone, steps } from "../state";

export function ContactScreen() {
  const loyal = steps.value.loyalty;
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
          <button type="button" class="btn btn-quiet" data-skip onClick={() => next("")}>{t(loyal ? "loyalty.skip" : "phone.skip")}</button>
          <button type="submit" form={PHONE_FORM} class="btn btn-main"><Icon name="message" size="1.8rem" />{t(loyal ? "next" : "phone.send")}</button>
        </footer>
      }
    >
      <main class="flow-body flow-centre entry">
        <Title>{t(loyal ? "loyalty.title" : "phone.title")}</Title>
        <p class="lead">{t(loyal ? "loyalty.more" : "phone.more")}</p>
        <PhoneForm value={phone.value} onDone={next} />
      </main>
    </Frame>
  );
}
