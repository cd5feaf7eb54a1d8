//! Orders of online channels that people type in: placed and paid in one write.

use super::{
    Context, FlowError,
    commands::load,
    ordering::{Asks, place_with},
    record::record,
};
use crate::{
    domain::{
        channel::{Channel, ChannelOrder, LONGEST_NUMBER},
        event::Body,
        ids::{OrderId, PaymentId},
        order::Order,
        payment::{Payment, PaymentState, Tender},
        place::Wish,
    },
    store::Tx,
};
use uuid::Uuid;

/// The channel with this id.
///
/// # Errors
/// There is none.
pub fn channel<'a>(cx: &'a Context, id: &str) -> Result<&'a Channel, FlowError> {
    cx.policy
        .channels
        .iter()
        .find(|c| c.id == id)
        .ok_or_else(|| {
            FlowError::Invalid(format!("there is no channel {id:?} in the configuration"))
        })
}

/// Takes in an order that a channel sold: `number` is its number there, and comes in once.
///
/// # Errors
/// No such channel, an order that is here already, or one that can't be placed.
pub fn take_in(
    tx: &mut Tx<'_>,
    cx: &Context,
    (id, payment_id): (OrderId, PaymentId),
    wish: &Wish,
    asks: &Asks<'_>,
    channel_id: &str,
    number: &str,
) -> Result<Order, FlowError> {
    let channel = channel(cx, channel_id)?;
    let number = number.trim();
    if !(1..=LONGEST_NUMBER).contains(&number.chars().count())
        || number.chars().any(char::is_control)
    {
        return Err(FlowError::Invalid(format!(
            "the order's number in the channel has 1 to {LONGEST_NUMBER} characters"
        )));
    }
    let part = Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("channel:{}:{number}", channel.id).as_bytes(),
    );
    if let Some(known) = tx.snapshot().order_of_part(part)? {
        return Err(FlowError::Conflict(format!(
            "order {number} of this channel is here already: it is order {} of {}",
            known.number, known.day
        )));
    }
    let order = place_with(tx, cx, id, wish, asks, |order| {
        order.channel = Some(ChannelOrder {
            id: channel.id.clone(),
            name: channel.name.clone(),
            number: number.to_owned(),
        });
    })?;
    tx.link_part(part, id)?;
    let payment = Payment {
        id: payment_id,
        tender: Tender::Prepaid,
        amount_minor: order.total_minor,
        state: PaymentState::Waiting,
        captured_minor: 0,
        refunded_minor: 0,
        started_at: cx.now,
        expires_at: None,
        attempt: 1,
        order_number: format!("{}-1", id.0.simple()),
        provider_id: None,
        qr_id: None,
        qr_payload: None,
        reference: None,
        reason: None,
        fiscal_by: channel.fiscal_by,
        surplus: false,
        withdrawn: None,
        points: None,
    };
    let amount_minor = payment.amount_minor;
    record(tx, cx, Some(id), Body::PaymentStarted { payment })?;
    record(
        tx,
        cx,
        Some(id),
        Body::PaymentCaptured {
            payment_id,
            amount_minor,
            reference: Some(format!("{}/{number}", channel.id)),
        },
    )?;
    load(tx, id)
}
