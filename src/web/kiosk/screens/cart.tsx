import { DishArt } from "../../shared/art/DishArt";
import { lang, say, t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { money } from "../../shared/money";
import { Notice } from "../app";
import { Stepper, Title, TopBar } from "../parts";
import { cart, count, currency, dishes, go, reset, setQuantity, total } from "../state";

export function CartScreen() {
  const blocked = cart.value.some((line) => !dishes.value.get(line.dish_id)?.available);
  return (
    <div class="screen flow">
      <TopBar onBack={() => go("menu")} backLabel={t("menu.title")} onHome={reset} />
      <main class="flow-body">
        <Title>{t("cart.title")}</Title>
        <Notice />
        {cart.value.length === 0 ? (
          <div class="empty"><p class="display">{t("cart.empty")}</p><p>{t("cart.empty.more")}</p></div>
        ) : (
          <ul class="lines">
            {cart.value.map((line) => {
              const dish = dishes.value.get(line.dish_id);
              const name = dish ? say(dish.name) : line.dish_id;
              return (
                <li key={line.dish_id} class={`line${dish?.available ? "" : " line-out"}`} data-dish={line.dish_id}>
                  <div class="line-art">{dish && <DishArt dish={dish} />}</div>
                  <div class="line-text">
                    <span class="line-name display">{name}</span>
                    {dish?.available ? (
                      <span class="line-each num">
                        {t("cart.each", { price: money(line.price_minor, currency.value, lang.value) })}
                        {line.was_minor !== undefined && <mark>{t("cart.price.was", { price: money(line.was_minor, currency.value, lang.value) })}</mark>}
                      </span>
                    ) : (
                      <span class="line-each line-bad"><Icon name="alert" size="1.5rem" />{say(dish?.reason) || t("cart.line.soldout")}</span>
                    )}
                  </div>
                  {dish?.available ? <Stepper dish={dish} quantity={line.quantity} removable /> : (
                    <button type="button" class="btn btn-quiet" aria-label={t("cart.remove", { name })} onClick={() => dish ? setQuantity(dish, 0) : (cart.value = cart.value.filter((one) => one !== line))}>
                      <Icon name="trash" size="1.7rem" />{t("cart.remove.short")}
                    </button>
                  )}
                  <strong class="line-sum num">{money(line.price_minor * line.quantity, currency.value, lang.value)}</strong>
                </li>
              );
            })}
          </ul>
        )}
        <button type="button" class="btn btn-quiet more" onClick={() => go("menu")}><Icon name="plus" size="1.7rem" />{t("cart.more")}</button>
      </main>
      <footer class="cartbar">
        <div class="cartbar-sum"><span>{t("cart.total")} · {t("menu.items", { n: count.value })}</span><strong class="display num">{money(total.value, currency.value, lang.value)}</strong></div>
        <button type="button" class="btn btn-main" disabled={cart.value.length === 0 || blocked} onClick={() => go("service")}><span>{t("cart.go")}</span><Icon name="next" size="1.8rem" /></button>
      </footer>
    </div>
  );
}
