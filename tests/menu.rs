//! Options, promotions, quotes, the stop-list and the pause of sales, through the store's public door.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{BOARD, KIOSK, STAFF, Shop, id, key};
use reqwest::Method;
use serde_json::{Value, json};

/// A line with choices: `(option, choice)`.
fn line(dish: &str, quantity: u32, choices: &[(&str, &str)]) -> Value {
    let options: Vec<Value> = choices
        .iter()
        .map(|(option, choice)| json!({"option": option, "choice": choice}))
        .collect();
    json!({"dish_id": dish, "quantity": quantity, "options": options})
}

fn wish(lines: &[Value]) -> Value {
    json!({"language": "ru", "service": "here", "lines": lines})
}

impl Shop {
    async fn quote(&self, body: &Value) -> Value {
        self.post("quote", KIOSK, body).await.expect(200)
    }

    async fn levels(&self, ingredient: &str) -> Value {
        let stock = self.get("stock", STAFF).await.expect(200);
        let all = stock["ingredients"].as_array().unwrap().clone();
        all.into_iter().find(|i| i["id"] == ingredient).unwrap()
    }

    async fn dish(&self, dish: &str) -> Value {
        let menu = self.get("menu", KIOSK).await.expect(200);
        let all = menu["dishes"].as_array().unwrap().clone();
        all.into_iter().find(|d| d["id"] == dish).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dish_with_choices_is_priced_held_cooked_and_printed_as_chosen() {
    let shop = Shop::open(1000).await;
    let borscht = line("borscht", 1, &[("cream", "without"), ("extra", "egg")]);
    let lagman = line("lagman", 1, &[("heat", "hot")]);
    let asked = wish(&[borscht.clone(), lagman.clone()]);
    let quote = shop.quote(&asked).await;
    assert_eq!(quote["lines"][0]["price_minor"], 39_000);
    let before = shop.levels("sour-cream").await;
    let eggs = shop.levels("egg").await;
    let order = shop.post("orders", KIOSK, &asked).await.expect(201);
    let id = id(&order);
    assert_eq!(order["total_minor"], quote["total_minor"]);
    assert_eq!(
        order["lines"][0]["options"][0]["choice"]["en"],
        "no sour cream"
    );
    assert_eq!(order["lines"][0]["options"][1]["name"]["en"], "Extras");
    // What was left out is not held, what was added is.
    assert_eq!(shop.levels("sour-cream").await, before);
    let held = shop.levels("egg").await["reserved"].as_i64().unwrap();
    assert_eq!(held, eggs["reserved"].as_i64().unwrap() + 1);

    shop.pay(&id, "cash").await;
    let done = shop.fetch(&id).await;
    shop.assert_once(&done);
    let receipts = shop.running_receipts();
    let names: Vec<&str> = receipts.iter().map(String::as_str).collect();
    assert!(
        names.contains(&"Борщ со сметаной: без сметаны, яйцо"),
        "{names:?}"
    );
    assert!(names.contains(&"Лагман: острый"), "{names:?}");
    let books = shop.settled().await;
    assert_eq!(books["exact"], true, "{}", books["differences"]);
    // The robot took the egg, and no sour cream.
    assert_eq!(shop.levels("sour-cream").await, before);
    let left = shop.levels("egg").await["on_hand"].as_i64().unwrap();
    assert!(left < eggs["on_hand"].as_i64().unwrap());
    shop.close().await;
}

impl Shop {
    /// Names of all lines in the fiscal drive.
    fn running_receipts(&self) -> Vec<String> {
        let receipts = self.running.outside().printer.receipts();
        let lines = receipts.iter().flat_map(|r| &r.lines);
        lines.map(|l| l.name.clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_that_are_not_there_are_refused_and_a_quote_says_so() {
    let shop = Shop::open(1000).await;
    for (what, choices, status, slug, in_quote) in [
        (
            "no such choice",
            vec![("cream", "vegan")],
            409,
            "option_gone",
            "option_gone",
        ),
        (
            "no such option",
            vec![("sauce", "hot")],
            409,
            "option_gone",
            "option_gone",
        ),
        (
            "two of one",
            vec![("cream", "with"), ("cream", "without")],
            422,
            "invalid",
            "option_gone",
        ),
        (
            "the same twice",
            vec![("extra", "egg"), ("extra", "egg")],
            422,
            "invalid",
            "option_gone",
        ),
    ] {
        let asked = wish(&[line("borscht", 1, &choices), line("mors", 1, &[])]);
        let answer = shop.post("orders", KIOSK, &asked).await;
        let problem = answer.expect_problem(status, slug);
        assert!(problem["message"]["uz"].is_string(), "{what}");
        let quote = shop.quote(&asked).await;
        assert_eq!(quote["lines"][0]["problem"]["slug"], in_quote, "{what}");
        assert_eq!(quote["lines"][0]["available"], false, "{what}");
        // The rest of the cart is priced all the same.
        assert_eq!(quote["total_minor"], 12_000, "{what}");
    }
    let asked = wish(&[
        json!({"dish_id": "plov", "quantity": 1, "price_minor": 1}),
        line("pizza", 1, &[]),
    ]);
    let quote = shop.quote(&asked).await;
    assert_eq!(quote["lines"][0]["problem"]["slug"], "price_changed");
    assert_eq!(quote["lines"][0]["available"], true);
    assert_eq!(quote["lines"][1]["problem"]["slug"], "unknown_dish");
    assert!(quote["ready_at"].is_i64());
    // A quote changes nothing, asks for a role, and needs no key.
    let head = shop.quiet().await;
    let body = asked.to_string().into_bytes();
    let sent = shop.send(Method::POST, "/api/v1/quote", Some(KIOSK), None, Some(body));
    sent.await.unwrap().expect(200);
    let refused = shop.post("quote", BOARD, &asked).await;
    refused.expect_problem(403, "forbidden");
    let nothing = shop.post("quote", KIOSK, &wish(&[])).await;
    nothing.expect_problem(422, "empty_order");
    let no_json = shop.post("quote", KIOSK, &json!({"lines": 7})).await;
    no_json.expect_problem(400, "bad_json");
    assert_eq!(shop.head().await, head);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_combo_makes_an_order_cheaper_to_the_kopeck_on_receipt_and_books() {
    let shop = Shop::open(1000).await;
    let asked = wish(&[
        line("borscht", 2, &[]),
        line("syrniki", 1, &[]),
        line("mors", 1, &[]),
    ]);
    let quote = shop.quote(&asked).await;
    // 35,000 + 27,000 + 12,000 are a lunch for 64,000; the second soup is alone.
    assert_eq!(quote["discount_minor"], 10_000);
    assert_eq!(quote["total_minor"], 99_000);
    assert_eq!(quote["promotions"][0]["id"], "lunch");
    let mut seen = asked.clone();
    seen["total_minor"] = json!(109_000);
    let refused = shop.post("orders", KIOSK, &seen).await;
    let problem = refused.expect_problem(409, "price_changed");
    assert_eq!(
        problem["quote"],
        quote_without_time(&quote, &problem["quote"])
    );
    seen["total_minor"] = json!(99_000);
    let order = shop.post("orders", KIOSK, &seen).await.expect(201);
    assert_eq!(order["discount_minor"], 10_000);
    assert_eq!(order["due_minor"], 99_000);
    let id = id(&order);
    shop.pay(&id, "sbp_qr").await;
    let done = shop.fetch(&id).await;
    shop.assert_once(&done);
    assert_eq!(done["receipts"][0]["total_minor"], 99_000);
    // All of it goes back: what was paid, not what was asked before.
    let back = json!({"reason": "cold"});
    shop.post(&format!("orders/{id}/refunds"), STAFF, &back)
        .await
        .expect(201);
    shop.await_order(&id, &["refunded"]).await;
    let books = shop.end_day().await;
    assert_eq!(books["totals"]["receipted_minor"], 99_000);
    assert_eq!(books["totals"]["returned_minor"], 99_000);
    shop.close().await;
}

/// Two quotes may be promised for different minutes.
fn quote_without_time(quote: &Value, other: &Value) -> Value {
    let mut quote = quote.clone();
    quote["ready_at"] = other["ready_at"].clone();
    quote
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promo_code_counts_once_an_order_and_comes_back_when_the_order_is_given_up() {
    let shop = Shop::open(1000).await;
    let mut asked = wish(&[line("plov", 1, &[])]);
    asked["promo_code"] = json!(" galley10 ");
    let quote = shop.quote(&asked).await;
    assert_eq!(quote["code"]["ok"], true);
    assert_eq!(quote["total_minor"], 37_800);
    let order = shop.post("orders", KIOSK, &asked).await.expect(201);
    assert_eq!(order["promotions"][0]["discount_minor"], 4_200);
    let id = id(&order);
    shop.post(&format!("orders/{id}/cancel"), KIOSK, &json!({}))
        .await
        .expect(200);
    let mut wrong = asked.clone();
    wrong["promo_code"] = json!("GALLEY99");
    let quote = shop.quote(&wrong).await;
    assert_eq!(quote["code"]["ok"], false);
    assert!(
        quote["code"]["message"]["en"]
            .as_str()
            .unwrap()
            .contains("no such promo code")
    );
    assert_eq!(quote["total_minor"], 42_000);
    let refused = shop.post("orders", KIOSK, &wrong).await;
    let problem = refused.expect_problem(422, "promo_code");
    assert!(problem["message"]["ru"].is_string());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sixth_mors_of_a_phone_number_is_free_until_the_guest_is_forgotten() {
    let shop = Shop::open(1000).await;
    let mut asked = wish(&[line("mors", 5, &[])]);
    asked["phone"] = json!("+7 916 123-45-67");
    let order = shop.post("orders", KIOSK, &asked).await.expect(201);
    assert_eq!(order["total_minor"], 60_000);
    let one = |phone: &str| {
        let mut one = wish(&[line("mors", 1, &[])]);
        one["phone"] = json!(phone);
        one
    };
    // The number is the same however it is typed; a rouble stays for the receipt.
    assert_eq!(
        shop.quote(&one("8 (916) 123 45 67")).await["total_minor"],
        100
    );
    assert_eq!(
        shop.quote(&one("+7 916 123-45-68")).await["total_minor"],
        12_000
    );
    // An order that is given up counts for nothing.
    let path = format!("orders/{}/cancel", id(&order));
    shop.post(&path, KIOSK, &json!({})).await.expect(200);
    assert_eq!(shop.quote(&one("89161234567")).await["total_minor"], 12_000);
    shop.post("orders", KIOSK, &asked).await.expect(201);
    assert_eq!(shop.quote(&one("89161234567")).await["total_minor"], 100);
    // Neither the log nor the answer says whose it was.
    let forget = json!({"phone": "+7 916 123 45 67"});
    let kiosk = shop.post("guests/forget", KIOSK, &forget).await;
    kiosk.expect_problem(403, "forbidden");
    let forgotten = shop.post("guests/forget", STAFF, &forget).await.expect(200);
    // The promotion's count, and the numbers of two orders.
    assert_eq!(forgotten["rows"], 3);
    assert_eq!(shop.quote(&one("89161234567")).await["total_minor"], 12_000);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn birthdays_and_meals_of_the_stores_own_people_need_a_cashier() {
    let shop = Shop::open(1000).await;
    let today = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::get("Europe/Moscow").unwrap())
        .date();
    let mut asked = wish(&[line("plov", 1, &[])]);
    asked["phone"] = json!("+79161234567");
    assert_eq!(shop.quote(&asked).await["total_minor"], 42_000);
    let born = json!({"phone": "8 916 123 45 67", "month": today.month(), "day": today.day()});
    shop.post("guests/birthday", KIOSK, &born)
        .await
        .expect_problem(403, "forbidden");
    let nonsense = json!({"phone": "8 916 123 45 67", "month": 2, "day": 30});
    shop.post("guests/birthday", STAFF, &nonsense)
        .await
        .expect_problem(422, "invalid");
    shop.post("guests/birthday", STAFF, &born).await.expect(200);
    assert_eq!(shop.quote(&asked).await["total_minor"], 35_700);
    shop.post("orders", KIOSK, &asked).await.expect(201);
    // Once a year.
    assert_eq!(shop.quote(&asked).await["total_minor"], 42_000);

    let mut meal = wish(&[line("plov", 1, &[])]);
    meal["staff_card"] = json!("E-17");
    shop.post("quote", KIOSK, &meal)
        .await
        .expect_problem(403, "forbidden");
    shop.post("orders", KIOSK, &meal)
        .await
        .expect_problem(403, "forbidden");
    let order = shop.post("orders", STAFF, &meal).await.expect(201);
    assert_eq!(order["total_minor"], 21_000);
    let quote = shop.post("quote", STAFF, &meal).await.expect(200);
    assert_eq!(quote["total_minor"], 42_000, "one meal a day");
    meal["staff_card"] = json!("E-18");
    let quote = shop.post("quote", STAFF, &meal).await.expect(200);
    assert_eq!(quote["total_minor"], 21_000);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_is_off_sale_until_it_is_lifted() {
    let shop = Shop::open(1000).await;
    let soon = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let stop = json!({"ingredient_id": "beef", "until_at": soon, "why": "not delivered"});
    shop.post("menu/stops", KIOSK, &stop)
        .await
        .expect_problem(403, "forbidden");
    for (body, status, slug) in [
        (json!({"why": "x"}), 422, "invalid"),
        (
            json!({"dish_id": "plov", "ingredient_id": "beef", "why": "x"}),
            422,
            "invalid",
        ),
        (json!({"dish_id": "pizza", "why": "x"}), 404, "not_found"),
        (json!({"dish_id": "plov", "why": "  "}), 422, "invalid"),
        (
            json!({"dish_id": "plov", "why": "x", "until_at": 1}),
            422,
            "invalid",
        ),
    ] {
        let answer = shop.post("menu/stops", STAFF, &body).await;
        answer.expect_problem(status, slug);
    }
    let list = shop.post("menu/stops", STAFF, &stop).await.expect(200);
    assert_eq!(list["stops"][0]["ingredient_id"], "beef");
    let plov = shop.dish("plov").await;
    // It can be had with other meat, so it stays; with beef it can't.
    assert_eq!(plov["available"], true);
    let choices = plov["options"][0]["choices"].as_array().unwrap();
    let beef = choices.iter().find(|c| c["id"] == "beef").unwrap();
    assert_eq!(beef["available"], false);
    assert_eq!(shop.dish("caesar").await["available"], true);
    let asked = wish(&[line("plov", 1, &[])]);
    assert_eq!(
        shop.quote(&asked).await["lines"][0]["problem"]["slug"],
        "sold_out"
    );
    let refused = shop.post("orders", KIOSK, &asked).await;
    let problem = refused.expect_problem(409, "out_of_stock");
    assert!(
        problem["message"]["ru"]
            .as_str()
            .unwrap()
            .contains("Закончилось")
    );
    // With chicken instead it can be had.
    let chicken = wish(&[line("plov", 1, &[("meat", "chicken")])]);
    assert_eq!(shop.quote(&chicken).await["total_minor"], 39_000);
    let lift = json!({"ingredient_id": "beef", "why": "delivered"});
    shop.post("menu/stops/lift", STAFF, &lift).await.expect(200);
    let again = shop.post("menu/stops/lift", STAFF, &lift).await;
    again.expect_problem(409, "conflict");
    shop.post("orders", KIOSK, &asked).await.expect(201);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_closes_the_store_with_its_own_sentence_and_until_when() {
    let shop = Shop::open(1000).await;
    let until = jiff::Timestamp::now().as_millisecond() + 600_000;
    let pause = json!({"kind": "cleaning", "why": "the floor", "until_at": until});
    shop.post("sales/pause", KIOSK, &pause)
        .await
        .expect_problem(403, "forbidden");
    let k = key();
    let paused = shop.post_keyed("sales/pause", STAFF, &k, &pause).await;
    assert_eq!(paused.expect(200)["pause"]["kind"], "cleaning");
    assert!(
        shop.post_keyed("sales/pause", STAFF, &k, &pause)
            .await
            .replayed
    );
    let store = shop.get("store", KIOSK).await.expect(200);
    assert_eq!(store["accepting"]["slug"], "cleaning");
    assert_eq!(store["accepting"]["until_at"], until);
    assert!(
        store["accepting"]["reason"]["en"]
            .as_str()
            .unwrap()
            .contains("cleaning")
    );
    assert!(store["promises_min"].is_null());
    let refused = shop
        .post("orders", KIOSK, &wish(&[line("mors", 1, &[])]))
        .await;
    refused.expect_problem(503, "not_accepting");
    let resume = json!({});
    shop.post("sales/resume", STAFF, &resume).await.expect(200);
    let store = shop.get("store", KIOSK).await.expect(200);
    assert_eq!(store["accepting"]["ok"], true);
    let again = shop.post("sales/resume", STAFF, &resume).await;
    again.expect_problem(409, "conflict");

    // What else a kiosk asks the store for.
    assert_eq!(store["services"], json!(["here", "to_go"]));
    assert_eq!(
        store["idle"],
        json!({"reset_s": 60, "ask_s": 15, "calm_factor": 2})
    );
    assert_eq!(store["steps"]["loyalty"], true);
    assert_eq!(store["receipt_to"], json!(["paper", "sms", "email"]));
    assert!(store["promises_min"].as_u64().is_some_and(|m| m > 0));
    assert_eq!(store["zone"], "Europe/Moscow");
    assert!(store["build"].as_str().unwrap().len() >= 8);
    // Everything stopped is a closed menu.
    let menu = shop.get("menu", KIOSK).await.expect(200);
    for dish in menu["dishes"].as_array().unwrap() {
        let body = json!({"dish_id": dish["id"], "why": "all gone"});
        shop.post("menu/stops", STAFF, &body).await.expect(200);
    }
    let store = shop.get("store", KIOSK).await.expect(200);
    assert_eq!(store["accepting"]["slug"], "menu");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_tells_all_that_a_kiosk_shows() {
    let shop = Shop::open(1000).await;
    let borscht = shop.dish("borscht").await;
    assert_eq!(borscht["composition"][0]["en"], "Beef");
    assert_eq!(borscht["suggest"], json!(["syrniki", "mors"]));
    let cream = &borscht["options"][0];
    assert_eq!((&cream["min"], &cream["max"]), (&json!(1), &json!(1)));
    assert_eq!(cream["choices"][0]["standard"], true);
    assert_eq!(cream["choices"][1]["price_minor"], 3_000);
    assert_eq!(cream["choices"][2]["without_allergens"], json!(["milk"]));
    let menu = shop.get("menu", KIOSK).await.expect(200);
    let promotions = menu["promotions"].as_array().unwrap();
    let kinds: Vec<&str> = promotions
        .iter()
        .map(|p| p["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"combo") && kinds.contains(&"code"),
        "{kinds:?}"
    );
    assert!(!kinds.contains(&"staff_meal"), "{kinds:?}");
    // There are no pictures in the demonstration, and nothing else to find there.
    for path in [
        "/pictures/0123456789abcdef-320.webp",
        "/pictures/..%2Fgalley.db",
        "/pictures/galley.toml",
    ] {
        let answer = shop
            .send(Method::GET, path, None, None, None)
            .await
            .unwrap();
        answer.expect_problem(404, "not_found");
    }
    shop.close().await;
}
