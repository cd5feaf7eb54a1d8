//! Commands that are one write.

use super::super::{
    Context, FlowError,
    commands::{Back, close_shift, open_shift, refund_order},
    menu::{erase_guest, pause_sales, resume_sales},
};
use crate::{
    domain::{
        remote::{Answer, Command},
        stops::PauseKind,
    },
    store::Tx,
};
use uuid::Uuid;

pub(super) fn carry_out(
    tx: &mut Tx<'_>,
    cx: &Context,
    command: &Command,
    id: Uuid,
) -> Result<Answer, FlowError> {
    let text = match command {
        Command::OpenShift {} => {
            open_shift(tx, cx)?;
            "the shift is being opened".to_owned()
        }
        Command::CloseShift {} => {
            close_shift(tx, cx)?;
            "the shift is being closed".to_owned()
        }
        Command::StopSales {
            why,
            until_at,
            cleaning,
        } => {
            let kind = if *cleaning {
                PauseKind::Cleaning
            } else {
                PauseKind::Paused
            };
            pause_sales(tx, cx, kind, *until_at, why)?;
            "nothing is sold".to_owned()
        }
        Command::ResumeSales { why } => {
            resume_sales(tx, cx, why)?;
            "it sells again".to_owned()
        }
        Command::Refund {
            order_id,
            amount_minor,
            reason,
        } => {
            let back = amount_minor.map_or(Back::All, Back::Sum);
            // Of the message's id: the same message never gives other refunds.
            let mut n = 0u32;
            let ids = || {
                n += 1;
                Uuid::new_v5(&id, &n.to_be_bytes())
            };
            let (order, refunds) = refund_order(tx, cx, *order_id, &back, reason, ids)?;
            format!(
                "order {} of {}: {} refunds are under way",
                order.number,
                order.day,
                refunds.len()
            )
        }
        Command::LookAtPayment { order_id } => match tx.look_at_bank(*order_id, cx.now)? {
            // It was looked at already, or has been settled.
            0 => "nothing of that order waits for the bank".to_owned(),
            n => format!("the bank is asked about {n} of its acts"),
        },
        Command::EraseGuest { phone } => {
            let rows = erase_guest(tx, cx, phone)?;
            format!("{rows} rows were erased")
        }
        Command::BackUp {}
        | Command::SupportBundle {}
        | Command::Reload {}
        | Command::RotateToken {} => {
            return Err(FlowError::Invalid(
                "it is done beside the writes".to_owned(),
            ));
        }
    };
    Ok(Answer::said(text))
}
