//! What staff do with orders and money: dishes given back, orders of channels, the drawer, numbers called again, and
//! the page for a guest's phone.

use super::{
    ANNA,
    common::{BOARD, KIOSK, STAFF, Shop, eventually, id, wish},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn single_dishes_are_given_back_to_the_kopeck_and_never_twice() {
    let shop = Shop::open(1000).await;
    let body = json!({"language": "ru", "lines": [{"dish_id": "plov", "quantity": 2}, {"dish_id": "mors", "quantity": 1}]});
    let order = id(&shop.post("orders", KIOSK, &body).await.expect(201));
    shop.pay(&order, "cash").await;
    let ready = shop.await_order(&order, &["ready"]).await;
    let price = ready["lines"][0]["price_minor"].as_i64().unwrap();
    assert_eq!(ready["lines"][0]["refundable"], 2);
    let path = format!("orders/{order}/refunds");
    let ask = |lines: Value| json!({"lines": lines, "reason": "Блюдо холодное"});
    let one = json!([{"line_id": 0, "quantity": 1}]);
    for wrong in [
        json!([{"line_id": 0, "quantity": 3}]),
        json!([{"line_id": 7, "quantity": 1}]),
        json!([{"line_id": 0, "quantity": 0}]),
    ] {
        shop.post(&path, STAFF, &ask(wrong))
            .await
            .expect_problem(422, "refund_too_large");
    }
    let too_much = json!({"amount_minor": 100_000_000, "reason": "x"});
    let refused = shop.post(&path, STAFF, &too_much).await;
    // A person is told in the store's money, not in its hundredths.
    let refused = refused.expect_problem(422, "refund_too_large");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("at most ") && detail.contains(".00 RUB"),
        "{detail}"
    );
    let both = json!({"lines": one, "amount_minor": 5, "reason": "x"});
    shop.post(&path, STAFF, &both)
        .await
        .expect_problem(422, "invalid");
    let answer = shop.post(&path, STAFF, &ask(one.clone())).await.expect(201);
    assert_eq!(answer["order"]["lines"][0]["refundable"], 1);
    assert_eq!(answer["order"]["refunds"][0]["amount_minor"], price);
    let refund = answer["refunds"][0].as_str().unwrap();
    shop.post(&format!("refunds/{refund}/confirm"), STAFF, &json!({}))
        .await
        .expect(200);
    let returned = eventually("the return receipt", async || {
        let o = shop.order(&order).await;
        let found = o["receipts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["kind"] == "sale_return" && r["state"] == "registered")
            .cloned();
        found.ok_or(o.to_string())
    })
    .await;
    assert_eq!(returned["total_minor"], price);
    let printed = shop.running.outside().printer.receipts();
    let paper = printed
        .iter()
        .find(|r| r.key.as_deref() == returned["key"].as_str())
        .unwrap();
    assert!(
        format!("{paper:?}").contains(&price.to_string()),
        "{paper:?}"
    );
    shop.post(&path, STAFF, &ask(one.clone())).await.expect(201);
    shop.post(&path, STAFF, &ask(one))
        .await
        .expect_problem(422, "refund_too_large");
    // The rest of the order goes back by a sum.
    let rest = shop
        .post(&path, STAFF, &json!({"reason": "всё"}))
        .await
        .expect(201);
    for refund in rest["order"]["refunds"].as_array().unwrap() {
        if refund["state"] == "awaiting_person" {
            shop.post(
                &format!("refunds/{}/confirm", id(refund)),
                STAFF,
                &json!({}),
            )
            .await
            .expect(200);
        }
    }
    shop.await_order(&order, &["refunded"]).await;
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dish_that_is_given_back_before_it_is_cooked_is_not_cooked() {
    let shop = Shop::open(1000).await;
    shop.switch("robot_link", false).await;
    let body = json!({"language": "ru", "lines": [{"dish_id": "plov", "quantity": 1}, {"dish_id": "mors", "quantity": 1}]});
    let order = id(&shop.post("orders", KIOSK, &body).await.expect(201));
    shop.switch("printer_cable", false).await;
    shop.pay(&order, "cash").await;
    shop.await_order(&order, &["paid"]).await;
    let answer = shop
        .post(
            &format!("orders/{order}/refunds"),
            STAFF,
            &json!({"lines": [{"line_id": 0, "quantity": 1}], "reason": "передумал"}),
        )
        .await
        .expect(201);
    let refund = answer["refunds"][0].as_str().unwrap();
    shop.post(&format!("refunds/{refund}/confirm"), STAFF, &json!({}))
        .await
        .expect(200);
    shop.switch("printer_cable", true).await;
    shop.switch("robot_link", true).await;
    let ready = shop.await_order(&order, &["ready"]).await;
    assert_eq!(ready["dishes"][0]["state"], "failed");
    assert_eq!(ready["dishes"][1]["state"], "plated");
    assert_eq!(ready["refunds"].as_array().unwrap().len(), 1, "{ready}");
    assert_eq!(shop.plated(&ready), [0, 1]);
    shop.fetch(&order).await;
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_channel_comes_in_once_is_cooked_and_gets_no_receipt_here() {
    let shop = Shop::open(1000).await;
    let mut body = wish(&["plov"]);
    body["channel"] = json!("delivery");
    shop.post("orders", STAFF, &body)
        .await
        .expect_problem(422, "invalid");
    body["channel_number"] = json!("Y-4711");
    shop.post("orders", KIOSK, &body)
        .await
        .expect_problem(403, "forbidden");
    let anna = shop.come_in(ANNA).await;
    let placed = shop.post("orders", &anna, &body).await.expect(201);
    assert_eq!(placed["channel"]["number"], "Y-4711");
    assert_eq!(
        (
            &placed["payments"][0]["tender"],
            &placed["payments"][0]["state"]
        ),
        (&json!("prepaid"), &json!("captured"))
    );
    shop.post("orders", &anna, &body)
        .await
        .expect_problem(409, "conflict");
    let order = id(&placed);
    let ready = shop.await_order(&order, &["ready"]).await;
    assert_eq!(ready["receipts"], json!([]));
    assert_eq!(shop.plated(&ready), [1]);
    let refund = shop
        .post(
            &format!("orders/{order}/refunds"),
            &anna,
            &json!({"lines": [{"line_id": 0, "quantity": 1}], "reason": "остыло"}),
        )
        .await
        .expect(201);
    let refund = refund["refunds"][0].as_str().unwrap().to_owned();
    shop.post(&format!("refunds/{refund}/confirm"), &anna, &json!({}))
        .await
        .expect(200);
    assert_eq!(
        shop.await_order(&order, &["refunded"]).await["receipts"],
        json!([])
    );
    body["channel"] = json!("nowhere");
    body["channel_number"] = json!("1");
    shop.post("orders", &anna, &body)
        .await
        .expect_problem(422, "invalid");
    assert_eq!(
        shop.get("store", &anna).await.expect(200)["channels"][0]["id"],
        "delivery"
    );
    assert!(
        shop.get("store", KIOSK)
            .await
            .expect(200)
            .get("channels")
            .is_none()
    );
    // Something of the till's own, so that there is a shift to close.
    let own = shop.place(&["mors"]).await;
    shop.pay(&own, "cash").await;
    shop.fetch(&own).await;
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drawer_is_counted_beside_the_books_and_a_difference_is_told() {
    let shop = Shop::open(1000).await;
    let count = |notes: Value| json!({"denominations": notes});
    shop.post("shift/count", STAFF, &count(json!([])))
        .await
        .expect_problem(409, "conflict");
    let order = shop.place(&["plov"]).await;
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    shop.settled().await;
    let expected = shop.get("shift/report", STAFF).await.expect(200)["drawer"]["expected_minor"]
        .as_i64()
        .unwrap();
    let anna = shop.come_in(ANNA).await;
    let off = shop
        .post(
            "shift/count",
            &anna,
            &count(json!([{"minor": 10_000, "count": 2}])),
        )
        .await
        .expect(201);
    assert_eq!(
        (&off["counted_minor"], &off["expected_minor"]),
        (&json!(20_000), &json!(expected))
    );
    let told = shop.alert("drawer:").await.unwrap();
    assert!(
        told["detail"].as_str().unwrap().contains("cashier:Анна"),
        "{told}"
    );
    for wrong in [
        json!([{"minor": 0, "count": 1}]),
        json!([{"minor": 100, "count": 1}, {"minor": 100, "count": 1}]),
    ] {
        shop.post("shift/count", &anna, &count(wrong))
            .await
            .expect_problem(422, "invalid");
    }
    let exact = count(json!([{"minor": expected / 100, "count": 100}]));
    shop.post("shift/count", &anna, &exact).await.expect(201);
    assert_eq!(shop.alert("drawer:").await, None);
    let counts = shop.get("shift/report", STAFF).await.expect(200)["drawer"]["counts"].clone();
    assert_eq!(counts.as_array().unwrap().len(), 2);
    assert_eq!(counts[1]["who"], "cashier:Анна");
    shop.post("shift/count", KIOSK, &exact)
        .await
        .expect_problem(403, "forbidden");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_called_again_and_an_order_handed_over_by_mistake_comes_back() {
    let shop = Shop::open(1000).await;
    let order = shop.place(&["mors"]).await;
    let path = format!("orders/{order}/recall");
    shop.post(&path, STAFF, &json!({}))
        .await
        .expect_problem(409, "not_ready");
    shop.pay(&order, "cash").await;
    let ready = shop.await_order(&order, &["ready"]).await;
    let mut live = shop.live(None, BOARD).await;
    shop.post(&path, STAFF, &json!({})).await.expect(200);
    loop {
        let heard = live.next().await.unwrap();
        if heard.kind == "order.recalled" {
            assert_eq!(
                heard.data["number"].to_string(),
                ready["number"].as_str().unwrap()
            );
            break;
        }
    }
    shop.fetch(&order).await;
    assert_eq!(
        shop.post(&path, STAFF, &json!({})).await.expect(200)["state"],
        "ready"
    );
    let board = shop.get("board", BOARD).await.expect(200);
    assert_eq!(board["ready"][0]["number"], ready["number"]);
    shop.post(&path, KIOSK, &json!({}))
        .await
        .expect_problem(403, "forbidden");
    shop.fetch(&order).await;
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_phone_follows_the_order_without_a_script_and_nobody_elses() {
    let shop = Shop::open(1000).await;
    let mut body = wish(&["plov"]);
    body["language"] = json!("uz");
    body["phone"] = json!("+998901234567");
    let placed = shop.post("orders", KIOSK, &body).await.expect(201);
    let url = placed["follow"]["url"].as_str().unwrap();
    let path = url.strip_prefix(&shop.origin).unwrap().to_owned();
    assert_eq!(
        shop.get(&format!("orders/{}", id(&placed)), KIOSK)
            .await
            .expect(200)["follow"]["url"],
        url
    );
    let page = shop.http.get(url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    let html = page.text().await.unwrap();
    for words in [
        "<html lang=\"uz\">",
        "Toʻlov kutilmoqda",
        "http-equiv=\"refresh\"",
        &format!(">{}<", placed["number"].as_str().unwrap()),
    ] {
        assert!(html.contains(words), "{words} in {html}");
    }
    for never in ["<script", "998901234567", "+998", &id(&placed)] {
        assert!(!html.contains(never), "{never}");
    }
    let picture = shop
        .http
        .get(format!(
            "{}{}",
            shop.origin,
            placed["follow"]["svg_path"].as_str().unwrap()
        ))
        .send()
        .await
        .unwrap();
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");

    let order = id(&placed);
    let read = async || {
        shop.http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let steps = |html: &str| -> Vec<String> {
        let all = html.split("<li class=\"").skip(1);
        let words = all.filter_map(|li| li.split_once('"').map(|(class, _)| class.to_owned()));
        words.take(4).collect()
    };
    assert_eq!(steps(&html), ["later", "later", "later", "later"]);
    // Paid, and the robot begins nothing: it waits, and no later step is shown as going on.
    shop.post("robot/pause", STAFF, &json!({}))
        .await
        .expect(202);
    shop.pay(&order, "cash").await;
    shop.await_order(&order, &["receipted"]).await;
    let html = read().await;
    assert_eq!(steps(&html), ["done", "later", "later", "later"], "{html}");
    assert!(html.contains("Navbatda"), "{html}");
    shop.post("robot/resume", STAFF, &json!({}))
        .await
        .expect(202);
    shop.await_order(&order, &["ready"]).await;
    let html = read().await;
    assert_eq!(steps(&html), ["done", "done", "done", "later"], "{html}");
    shop.fetch(&order).await;
    let html = read().await;
    assert_eq!(steps(&html), ["done", "done", "done", "done"], "{html}");
    assert!(
        html.contains("Berildi") && !html.contains("http-equiv=\"refresh\""),
        "{html}"
    );
    // Another tag of the same moment, and what is no code at all.
    let last = path.chars().last().unwrap();
    let other = format!(
        "{}{}",
        &path[..path.len() - 1],
        if last == '0' { '1' } else { '0' }
    );
    for wrong in [other.as_str(), "/f/x", "/f/00000000000000000000000000"] {
        let answer = shop
            .http
            .get(format!("{}{wrong}", shop.origin))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404, "{wrong}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_an_order_is_told_with_its_own_reason() {
    let shop = Shop::open(1000).await;
    let mut mors = wish(&["mors"]);
    mors["language"] = json!("ru");
    let said = async |order: &str| {
        let seen = shop.order(order).await;
        let url = seen["follow"]["url"].as_str().unwrap().to_owned();
        let page = shop
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let note = seen["note"]["ru"].as_str().unwrap_or_default().to_owned();
        assert!(page.contains(&note), "{note} in {page}");
        (note, page)
    };
    // Given back by a person: nobody blames the kitchen.
    let order = id(&shop.post("orders", KIOSK, &mors).await.expect(201));
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    let path = format!("orders/{order}/refunds");
    let back = json!({"reason": "dish 0 did not come"});
    let refund = shop.post(&path, STAFF, &back).await.expect(201);
    let refund = refund["refunds"][0].as_str().unwrap().to_owned();
    let (note, page) = said(&order).await;
    assert_eq!(note, "Возврат оформил сотрудник.");
    assert!(page.contains("Деньги вернёт сотрудник на кассе"), "{page}");
    assert_eq!(shop.order(&order).await["refunds"][0]["cause"], "person");
    shop.post(&format!("refunds/{refund}/confirm"), STAFF, &json!({}))
        .await
        .expect(200);
    let (note, page) = said(&order).await;
    assert_eq!(note, "Возврат оформил сотрудник.");
    assert!(page.contains("Деньги возвращены") && !page.contains("не получилось"));

    // Given up at the kiosk, and by staff.
    for (token, words) in [
        (KIOSK, "Его отменили на экране заказа."),
        (STAFF, "Его отменил сотрудник."),
    ] {
        let order = id(&shop.post("orders", KIOSK, &mors).await.expect(201));
        let payment = shop.start_payment(&order, "card_terminal").await;
        let path = format!("orders/{order}/cancel");
        shop.post(&path, token, &json!({})).await.expect(200);
        assert_eq!(said(&order).await.0, words);
        // Its payment ended with it, not by the clock.
        let payment = shop
            .get(&format!("payments/{payment}"), STAFF)
            .await
            .expect(200);
        assert_eq!(payment["closed_by"], "not_wanted", "{payment}");
        let reason = payment["reason"]["en"].as_str().unwrap();
        assert!(reason.starts_with("This payment was cancelled"), "{reason}");
    }
    shop.close().await;
}
