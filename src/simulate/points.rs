//! What must be true of members' points at a quiet point.

use crate::{
    domain::{
        ids::MemberId,
        order::{Order, OrderState},
    },
    store::StoreError,
};
use std::collections::BTreeMap;

/// What is wrong with members' points: an account is all that moved in it, the log tells of all of it, and what an
/// order was paid with is what the programme has of it.
pub(super) fn wrong(
    s: &crate::store::Snapshot<'_>,
    orders: &[Order],
    told: &BTreeMap<MemberId, i64>,
) -> Result<Vec<String>, StoreError> {
    let mut wrong = Vec::new();
    for id in s.crooked_accounts()? {
        wrong.push(format!(
            "the account of member {id} is not what moved in it"
        ));
    }
    for (id, told) in told {
        let balance = s.member(*id)?.map_or(0, |m| m.account.balance);
        if balance != *told {
            wrong.push(format!(
                "member {id} has {balance} points, and the log tells of {told}"
            ));
        }
        if balance < 0 {
            wrong.push(format!("member {id} has {balance} points"));
        }
    }
    let mut open: BTreeMap<MemberId, i64> = BTreeMap::new();
    for order in orders {
        let Some(l) = order
            .loyalty
            .as_ref()
            .filter(|_| order.state == OrderState::Placed)
        else {
            continue;
        };
        *open.entry(l.member_id).or_default() += order.points_kept();
    }
    for id in told.keys() {
        let held = s.member(*id)?.map_or(0, |m| m.account.held);
        let wanted = open.get(id).copied().unwrap_or(0);
        if held != wanted {
            wrong.push(format!(
                "{held} points of member {id} are held, and open orders want {wanted}"
            ));
        }
    }
    for order in orders {
        let Some(l) = &order.loyalty else { continue };
        let booked = s.order_points(order.id)?;
        let kept = order.points_kept();
        // What is held for an order that is not paid is no payment yet.
        if order.paid && kept != booked.spent {
            wrong.push(format!(
                "order {} was paid with {kept} points, and {} were taken",
                order.number, booked.spent
            ));
        }
        if l.earned - l.taken_back != booked.earned {
            wrong.push(format!(
                "order {} earned {} points, and {} were given",
                order.number,
                l.earned - l.taken_back,
                booked.earned
            ));
        }
    }
    Ok(wrong)
}
