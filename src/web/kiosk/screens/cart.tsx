import { boxNow } from "../../shared/client";
import { clock } from "../../shared/dates";
import { say, t } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import type { Dish, QuoteLine } from "../../shared/types";
import { conflicts } from "../allergens";
import { checkOut, setLine } from "../basket";
import { faultOf, isChosen, type CartLine, type LineFault } from "../cart";
import { DishPicture, Frame, Notice, price, Stepper, Title, TopBar } from "../parts";
import { avoided, cart, count, dishes, fullSum, go, opened, promoCode, quote, sheet, store, total } from "../state";
import { ClosedNotice } from "./attract";
import { allergens, soldOut, Undo } from "./menu";

export function CartScreen() {
  const rows = cart.value.map((line, i) => {
    const dish = dishes.value.get(line.dish_id);
    const priced = quote.value?.lines[i];
    return { line, dish, priced, fault: faultOf(line, dish) ?? quoteFault(priced) };
  });
  const blocked = rows.some((row) => row.fault !== null) || store.value?.accepting.ok === false;
  return (
    <Frame
      class="flow"
      top={<TopBar onBack={() => go("menu")} backLabel={t("menu.title")} restart />}
      bottom={
        <footer class="cartbar">
          <div class="cartbar-sum"><span>{t("cart.total")} · {t("menu.items", { n: count.value })}</span><strong class="display num">{price(total.value)}</strong></div>
          <button type="button" class="btn btn-main" disabled={cart.value.length === 0 || blocked} onClick={() => checkOut()}><span>{t("cart.go")}</span><Icon name="next" size="1.8rem" /></button>
        </footer>
      }
    >
      <main class="flow-body">
        <Title>{t("cart.title")}</Title>
        <Notice />
        <ClosedNotice />
        {cart.value.length === 0
          ? <div class="empty"><p class="display">{t("cart.empty")}</p><p>{t("cart.empty.more")}</p></div>
          : <ul class="lines">{rows.map((row) => <Line key={row.line.key} {...row} />)}</ul>}
        <Undo />
        <button type="button" class="btn btn-quiet more" onClick={() => go("menu")}><Icon name="plus" size="1.7rem" />{t("cart.more")}</button>
        {cart.value.length > 0 && <Sums />}
      </main>
    </Frame>
  );
}

function quoteFault(priced: QuoteLine | undefined): LineFault | null {
  const slug = priced?.problem?.slug;
  return slug === "sold_out" || slug === "option_gone" || slug === "unknown_dish" ? slug : null;
}

function Line({ line, dish, priced, fault }: { line: CartLine; dish: Dish | undefined; priced: QuoteLine | undefined; fault: LineFault | null }) {
  const name = dish ? say(dish.name) : line.dish_id;
  const sum = line.price_minor * line.quantity;
  const off = priced?.discount_minor ?? 0;
  const bad = dish ? conflicts(dish, avoided.value, line.options) : [];
  const editable = (dish?.options?.length ?? 0) > 0 && dish?.available;
  return (
    <li class={`line${fault ? " line-out" : ""}`} data-dish={line.dish_id} data-fault={fault ?? ""}>
      <div class="line-art">{dish && <DishPicture dish={dish} sizes="240px" />}</div>
      <div class="line-text">
        <span class="line-name display">{name}</span>
        {dish && optionWords(dish, line) && <span class="line-options">{optionWords(dish, line)}</span>}
        {bad.length > 0 && <span class="line-flag"><Icon name="alert" size="1.3rem" />{allergens(bad)}</span>}
        {fault ? (
          <span class="line-each line-bad"><Icon name="alert" size="1.5rem" />{say(priced?.problem?.message) || faultText(fault, dish)}</span>
        ) : (
          <span class="line-each num">
            {t("cart.each", { price: price(line.price_minor) })}
            {line.was_minor !== undefined && <mark>{t("cart.price.was", { price: price(line.was_minor) })}</mark>}
          </span>
        )}
        {editable && (
          <button type="button" class="btn btn-small" aria-label={t("dish.edit", { name })} onClick={() => (opened.value = { dish: line.dish_id, line: line.key })}>
            <Icon name="edit" size="1.4rem" />{t("dish.edit.short")}
          </button>
        )}
      </div>
      {dish && fault !== "sold_out" && fault !== "unknown_dish" ? <Stepper dish={dish} quantity={line.quantity} removable onChange={(quantity) => setLine(line.key, quantity)} /> : (
        <button type="button" class="btn btn-quiet" data-remove aria-label={t("cart.remove", { name })} onClick={() => setLine(line.key, 0)}>
          <Icon name="trash" size="1.7rem" />{t("cart.remove.short")}
        </button>
      )}
      <strong class="line-sum num">{off > 0 && <s>{price(sum)}</s>}{price(sum - off)}</strong>
    </li>
  );
}

function faultText(fault: LineFault, dish: Dish | undefined): string {
  switch (fault) {
    case "option_gone": return t("cart.line.option");
    case "unknown_dish": return t("cart.line.unknown");
    case "sold_out": return dish && (dish.reason || dish.back_at) ? soldOut(dish) : t("cart.line.soldout");
  }
}

/** What of the dish is not as usual, and what was chosen. */
function optionWords(dish: Dish, line: CartLine): string {
  return (dish.options ?? []).flatMap((option) => option.choices.filter((choice) => isChosen(line.options, option.id, choice.id)).map((choice) => say(choice.name))).join(", ");
}

function Sums() {
  const now = quote.value;
  const code = promoCode.value;
  return (
    <div class="sums">
      <dl>
        {now?.promotions.filter((one) => one.discount_minor > 0).map((one) => (
          <div key={one.id} class="sum-off" data-promotion={one.id}><dt><Icon name="tag" size="1.6rem" />{say(one.name) || t("cart.discount")}</dt><dd class="num">{price(-one.discount_minor)}</dd></div>
        ))}
        {total.value < fullSum.value && <div class="sum-total"><dt>{t("cart.total")}</dt><dd class="num"><s>{price(fullSum.value)}</s> {price(total.value)}</dd></div>}
      </dl>
      <div class="sums-foot">
        {code && now?.code ? (
          <p class={`code-state${now.code.ok ? "" : " code-bad"}`} role="status"><Icon name={now.code.ok ? "check" : "alert"} size="1.7rem" /><span>{say(now.code.message) || t(now.code.ok ? "code.good" : "code.bad", { code })}</span></p>
        ) : null}
        {code
          ? <button type="button" class="btn btn-quiet" aria-label={t("code.remove", { code })} onClick={() => (promoCode.value = "")}><Icon name="close" size="1.6rem" />{code}</button>
          : <button type="button" class="btn btn-quiet" data-code onClick={() => (sheet.value = "code")}><Icon name="tag" size="1.7rem" />{t("code.open")}</button>}
        {now?.ready_at && now.ready_at > boxNow() ? <p class="sums-ready"><Icon name="clock" size="1.7rem" /><span>{t("cart.ready", { time: clock(now.ready_at, store.value?.zone) })}</span></p> : null}
      </div>
    </div>
  );
}
