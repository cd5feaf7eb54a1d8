// One suggestion, once, that is easy to refuse.
import { useEffect, useState } from "preact/hooks";
import { say, t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { addDish } from "../basket";
import { DishPicture, Frame, price, Title, TopBar } from "../parts";
import { forward, go, suggested, suggestion } from "../state";
import { facts } from "./menu";

export function SuggestScreen() {
  const [offer] = useState(() => suggestion.peek());
  const leave = (add: boolean) => {
    suggested.value = true;
    if (add && offer) addDish(offer.dish);
    forward();
  };
  // The menu has changed since the screen was chosen: there is nothing to suggest any more.
  useEffect(() => {
    if (!offer) forward();
  }, [offer]);
  if (!offer) return null;
  return (
    <Frame
      class="flow"
      top={<TopBar onBack={() => go("menu")} restart />}
      bottom={
        <footer class="footbar">
          <button type="button" class="btn btn-quiet" data-skip onClick={() => leave(false)}>{t("suggest.no")}</button>
          <button type="button" class="btn btn-main" onClick={() => leave(true)}><Icon name="plus" size="1.8rem" />{t("dish.add")} <span class="num">{price(offer.dish.price_minor)}</span></button>
        </footer>
      }
    >
      <main class="flow-body flow-centre suggest">
        <Title>{t("suggest.title")}</Title>
        <p class="lead">{t("suggest.with", { name: say(offer.to.name) })}</p>
        <div class="suggest-card">
          <div class="suggest-picture"><DishPicture dish={offer.dish} sizes="(orientation: portrait) 90vw, 50vw" /></div>
          <div class="suggest-text">
            <h2>{say(offer.dish.name)}</h2>
            <p>{say(offer.dish.description)}</p>
            <p class="card-facts num">{facts(offer.dish).join(" · ")}</p>
          </div>
        </div>
      </main>
    </Frame>
  );
}
