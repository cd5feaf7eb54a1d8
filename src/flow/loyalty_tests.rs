//! Members' points through the store's own commands and the effect engine, on the house's ledger.

use super::{
    Context, FlowError, commands,
    commands::Asks,
    effects::loyalty::Request,
    engine::{Engine, Poke},
    executor::{NotNow, Outcome, Resolution},
    loyalty::{self, House, Known, Loyalty, LoyaltyProgramme},
    menu,
    past::Replay,
    testing::plov,
    till_tests::Shop,
};
use crate::{
    domain::{
        ids::{MemberId, OrderId, PaymentId},
        loyalty::{Offline, Programme},
        order::{Order, OrderState},
        payment::{PaymentState, Tender},
        policy::Policy,
    },
    protection::{Protection, without},
    store::{Member, Options, Rows, Store, StoreError, Threads},
};
use async_trait::async_trait;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_hours(1);
const PHONE: &str = "+7 916 123-45-67";
const MEMBER: MemberId = MemberId(Uuid::from_u128(99));

fn on(policy: &mut Policy) {
    policy.loyalty = Programme {
        enabled: true,
        ..Programme::default()
    };
}

fn known() -> Known {
    Known {
        phone: Some(PHONE.to_owned()),
        card: None,
    }
}

/// A shop with a member who has so many points.
async fn shop(points: i64, change: impl FnOnce(&mut Policy)) -> Shop {
    let shop = Shop::open(|policy| {
        on(policy);
        change(policy);
    })
    .await;
    shop.command(move |tx, cx| {
        loyalty::join(tx, cx, MEMBER, &known(), "Anna", "1")?;
        let gift = |cx: &Context| Context {
            policy: Arc::new(Policy {
                loyalty: Programme {
                    elsewhere: false,
                    ..cx.policy.loyalty.clone()
                },
                ..Policy::clone(&cx.policy)
            }),
            ..cx.clone()
        };
        loyalty::adjust(tx, &gift(cx), MEMBER, points, "a gift", "gift")
    })
    .await
    .unwrap();
    shop
}

async fn place(shop: &Shop, n: u128) -> OrderId {
    let id = OrderId(Uuid::from_u128(n));
    shop.command(move |tx, cx| {
        let asks = Asks {
            member: Some(MEMBER),
            ..Asks::default()
        };
        commands::place_order(tx, cx, id, &plov(), &asks)
    })
    .await
    .unwrap();
    id
}

async fn start(
    shop: &Shop,
    order: OrderId,
    n: u128,
    tender: Tender,
    minor: Option<i64>,
) -> Result<PaymentId, FlowError> {
    let id = PaymentId(Uuid::from_u128(n));
    shop.command(move |tx, cx| {
        commands::start_payment(tx, cx, order, id, tender, minor, true).map(|_| id)
    })
    .await
}

async fn member(shop: &Shop) -> Member {
    let found: Result<_, StoreError> = shop.site.store.read(|s| s.member(MEMBER)).await;
    found.unwrap().unwrap()
}

async fn order(shop: &Shop, id: OrderId) -> Order {
    let found: Result<_, StoreError> = shop.site.store.read(move |s| s.order(id)).await;
    found.unwrap().unwrap()
}

/// Loses the answer to the first act, after it was booked.
struct Lossy {
    house: House,
    lost: AtomicBool,
}

#[async_trait]
impl LoyaltyProgramme for Lossy {
    async fn act(&self, op: &str, request: &Request) -> Outcome {
        let outcome = self.house.act(op, request).await;
        match self.lost.swap(true, Ordering::Relaxed) {
            true => outcome,
            false => Outcome::Unknown(NotNow::new("the answer was lost", "")),
        }
    }

    async fn find(&self, op: &str, request: &Request) -> Resolution {
        self.house.find(op, request).await
    }
}

fn run(shop: &Shop, lossy: bool) -> CancellationToken {
    let house = House::new(
        shop.site.store.clone(),
        shop.site.world.clock.clone(),
        shop.site.policy().loyalty.clone(),
    );
    let programme = Lossy {
        house,
        lost: AtomicBool::new(!lossy),
    };
    let stop = CancellationToken::new();
    let loyalty = Loyalty::by(Arc::new(programme));
    let engine = Engine::new(shop.site.clone(), vec![Arc::new(loyalty)], Poke::default());
    tokio::spawn(Arc::new(engine).run(stop.clone()));
    stop
}

/// Lets paused time pass until no act on points is under way.
async fn quiet(shop: &Shop) {
    let mut changes = shop.site.store.effects_changed();
    let there = async {
        loop {
            changes.borrow_and_update();
            let live: Result<_, StoreError> = shop.site.store.read(|s| s.live_effects()).await;
            let points = |kind: &str| kind == super::effects::loyalty::KIND;
            if !live.unwrap().iter().any(|e| points(&e.kind)) {
                return;
            }
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, there)
        .await
        .expect("points hang");
}

/// In cash, and all that follows is done.
async fn pay_the_rest(shop: &Shop, order: OrderId, payment: u128) {
    let cash = start(shop, order, payment, Tender::Cash, None);
    let cash = cash.await.unwrap();
    shop.command(move |tx, cx| commands::payment_result(tx, cx, cash, true, None, None))
        .await
        .unwrap();
    quiet(shop).await;
}

async fn paid_with_a_lost_answer() -> (Shop, OrderId) {
    let shop = shop(300, |_| {}).await;
    let order = place(&shop, 1).await;
    let payment = start(&shop, order, 11, Tender::LoyaltyPoints, Some(10_000)).await;
    let stop = run(&shop, true);
    quiet(&shop).await;
    payment.unwrap();
    pay_the_rest(&shop, order, 12).await;
    stop.cancel();
    (shop, order)
}

#[tokio::test(start_paused = true)]
async fn points_whose_answer_was_lost_are_found_and_held_once() {
    let (shop, id) = paid_with_a_lost_answer().await;
    let (account, order) = (member(&shop).await.account, order(&shop, id).await);
    assert_eq!(order.state, OrderState::Paid);
    // 100 points spent; 5 % of 320 roubles earned.
    assert_eq!((account.balance, account.held), (300 - 100 + 16, 0));
    assert_eq!((order.points_spent(), order.points_promised()), (100, 16));
    assert_eq!(order.receipts[0].draft.total_minor, 32_000);
}

/// The shop's log lived through on another box, with what was kept beside a log; and how many effects are open there.
async fn on_another_box(shop: &Shop, kept: Option<Vec<Rows>>) -> (tempfile::TempDir, Store, usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Options {
        threads: Threads::Inline,
        ..Options::at(folder.path().join("other.db"))
    })
    .unwrap();
    let zone = jiff::tz::TimeZone::UTC;
    let mut replay = Replay::new(shop.site.policy(), shop.site.catalog(), zone);
    let log: Result<_, StoreError> = shop.site.store.read(|s| s.events_after(0, 10_000)).await;
    let log = log.unwrap();
    let open = store
        .write(move |tx| {
            for entry in log {
                replay.enter(tx, entry)?;
            }
            tx.take_over(&kept.unwrap_or_default())?;
            replay.finish(tx)
        })
        .await;
    (folder, store, open.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_box_that_takes_the_place_of_another_has_every_members_points() {
    let shop = shop(300, |_| {}).await;
    // The other box keeps what was in a backup; or nothing.
    let kept: Result<_, StoreError> = shop.site.store.read(|s| s.beside_the_log()).await;
    let first = place(&shop, 1).await;
    start(&shop, first, 11, Tender::LoyaltyPoints, Some(10_000))
        .await
        .unwrap();
    let stop = run(&shop, false);
    quiet(&shop).await;
    pay_the_rest(&shop, first, 12).await;
    stop.cancel();
    // Of this one nobody knows whether its points are held.
    let second = place(&shop, 2).await;
    start(&shop, second, 21, Tender::LoyaltyPoints, None)
        .await
        .unwrap();
    let there = member(&shop).await;
    assert_eq!(there.account.balance, 216);

    let receipts = 1;
    for (kept, name) in [(Some(kept.unwrap()), "Anna"), (None, "")] {
        let known = kept.is_some();
        let (_folder, other, open) = on_another_box(&shop, kept).await;
        assert_eq!(open, receipts + 1, "its receipt, and what is in doubt");
        let member = other.read_here(|s| s.member(MEMBER)).unwrap().unwrap();
        assert_eq!(
            (member.account, member.name.as_str()),
            (there.account, name)
        );
        let (now, before) = (
            other.read_here(|s| s.order_points(first)).unwrap(),
            shop.site
                .store
                .read_here(|s| s.order_points(first))
                .unwrap(),
        );
        assert_eq!(now, before);
        assert_eq!((now.spent, now.earned), (100, 16));
        assert_eq!(other.read_here(|s| s.crooked_accounts()).unwrap(), []);
        let phone = other.read_here(|s| s.member_phone(MEMBER)).unwrap();
        assert_eq!(phone.is_some(), known);
        let moves = other.read_here(|s| s.points_moves(MEMBER, 10)).unwrap();
        assert_eq!(moves.len(), 3, "{moves:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_who_was_forgotten_stays_so_on_a_box_that_has_an_older_backup() {
    let shop = shop(300, |_| {}).await;
    let kept: Result<_, StoreError> = shop.site.store.read(|s| s.beside_the_log()).await;
    let rows = shop.command(move |tx, cx| super::loyalty::forget(tx, cx, MEMBER));
    assert!(rows.await.unwrap() > 0);
    let (_folder, other, _) = on_another_box(&shop, Some(kept.unwrap())).await;
    let member = other.read_here(|s| s.member(MEMBER)).unwrap().unwrap();
    assert_eq!((member.account.balance, member.name.as_str()), (300, ""));
    let phone = other.read_here(|s| s.member_phone(MEMBER)).unwrap();
    assert_eq!(phone, None);
}

#[test]
fn without_its_protection_they_are_held_twice() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let account = without(Some(Protection::PointsOnce), || {
        runtime.block_on(async { member(&paid_with_a_lost_answer().await.0).await.account })
    });
    assert_eq!(account.held, 100, "one of two holds was spent");
}

#[tokio::test(start_paused = true)]
async fn points_of_an_order_that_is_given_up_are_free_again_whenever_they_were_held() {
    let shop = shop(300, |_| {}).await;
    // Held, then cancelled; and cancelled before anybody was asked.
    for (n, before) in [(1, true), (2, false)] {
        let id = place(&shop, n).await;
        let payment = start(&shop, id, n + 10, Tender::LoyaltyPoints, None)
            .await
            .unwrap();
        let mut stop = None;
        if before {
            stop = Some(run(&shop, false));
            quiet(&shop).await;
            assert_eq!(member(&shop).await.account.held, 126);
        }
        shop.command(move |tx, cx| commands::cancel_order(tx, cx, id, "changed my mind"))
            .await
            .unwrap();
        let stop = stop.unwrap_or_else(|| run(&shop, false));
        quiet(&shop).await;
        stop.cancel();
        let order = order(&shop, id).await;
        let state = order.payment(payment).unwrap().state;
        assert_eq!(state == PaymentState::Captured, before);
        let account = member(&shop).await.account;
        assert_eq!((account.balance, account.held), (300, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_spent_is_what_the_order_takes_and_the_member_has() {
    let shop = shop(50, |_| {}).await;
    let id = place(&shop, 1).await;
    for minor in [5_100, 12_600, 1_050] {
        assert!(
            start(&shop, id, 9, Tender::LoyaltyPoints, Some(minor))
                .await
                .is_err(),
            "{minor}"
        );
    }
    start(&shop, id, 10, Tender::LoyaltyPoints, None)
        .await
        .unwrap();
    let order = order(&shop, id).await;
    assert_eq!(order.payments[0].amount_minor, 5_000);
    // A second time is once too often, and whose order it is stays.
    let again = start(&shop, id, 11, Tender::LoyaltyPoints, None).await;
    assert!(matches!(again, Err(FlowError::Conflict(_))));
    // Nobody adjusts without a reason, or what they don't know.
    for (who, reason) in [(MEMBER, "  "), (MemberId(Uuid::nil()), "a gift")] {
        let adjusted = shop
            .command(move |tx, cx| loyalty::adjust(tx, cx, who, 5, reason, "x"))
            .await;
        assert!(adjusted.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn points_that_are_too_old_go_and_those_that_were_spent_are_not_taken_again() {
    let shop = shop(100, |_| {}).await;
    shop.command(|tx, cx| loyalty::adjust(tx, cx, MEMBER, -40, "a mistake", "less"))
        .await
        .unwrap();
    tokio::time::advance(Duration::from_hours(200 * 24)).await;
    shop.command(|tx, cx| loyalty::adjust(tx, cx, MEMBER, 25, "a gift", "more"))
        .await
        .unwrap();
    for (days, left) in [(164, 85), (2, 25), (100, 25), (101, 0)] {
        tokio::time::advance(Duration::from_hours(days * 24)).await;
        shop.command(commands::tick).await.unwrap();
        assert_eq!(member(&shop).await.account.balance, left, "{days} days on");
    }
    let crooked: Result<_, StoreError> = shop.site.store.read(|s| s.crooked_accounts()).await;
    assert_eq!(crooked.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn while_the_true_balance_is_elsewhere_points_are_spent_on_trust_and_no_further() {
    let limits = Offline {
        enabled: true,
        points_per_order: 60,
        points_per_day: 100,
        share_bp: 10_000,
    };
    let shop = shop(1_000, move |p| {
        p.loyalty.elsewhere = true;
        p.loyalty.offline = limits;
    })
    .await;
    let stop = run(&shop, false);
    for (n, most) in [(1, 60), (2, 40)] {
        let id = place(&shop, n).await;
        start(&shop, id, n + 10, Tender::LoyaltyPoints, None)
            .await
            .unwrap();
        quiet(&shop).await;
        assert_eq!(
            order(&shop, id).await.payments[0].captured_minor,
            most * 100
        );
    }
    let id = place(&shop, 3).await;
    assert!(
        start(&shop, id, 13, Tender::LoyaltyPoints, None)
            .await
            .is_err()
    );
    // And nobody puts right here what is kept elsewhere.
    let adjusted = shop.command(|tx, cx| loyalty::adjust(tx, cx, MEMBER, 5, "a gift", "x"));
    assert!(matches!(adjusted.await, Err(FlowError::Conflict(_))));
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_members_birthday_is_that_of_the_number_they_joined_with() {
    let shop = shop(1, |_| {}).await;
    shop.command(|tx, cx| menu::keep_birthday(tx, cx, PHONE, 11, 22))
        .await
        .unwrap();
    let off = |member| {
        shop.command(move |tx, cx| {
            let asks = Asks {
                member,
                ..Asks::default()
            };
            let quote = commands::quote_order(&tx.snapshot(), cx, &plov(), &asks)?;
            Ok(quote.promotions.iter().any(|p| p.id == "birthday"))
        })
    };
    assert!(off(Some(MEMBER)).await.unwrap());
    assert!(!off(None).await.unwrap());
    // Forgotten, nobody is known by the number, and the account is nobody's.
    let rows = shop.command(|tx, cx| menu::forget_guest(tx, cx, PHONE));
    assert!(rows.await.unwrap() > 0);
    let found = shop.command(|tx, _| known().find(&tx.snapshot())).await;
    assert_eq!(found.unwrap(), None);
    let left = member(&shop).await;
    assert_eq!((left.name.as_str(), left.account.balance), ("", 1));
}
