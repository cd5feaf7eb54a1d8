//! The protections that keep Galley's promises, by name, so that the fault simulator can switch one off and must
//! find out. In a program without the emulators all of them hold, and asking costs nothing.

/// One protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// An attempt that may have left the box is resolved before it is repeated.
    Resolve,
    /// An attempt is written down as sent before it leaves the box.
    SentMark,
    /// Requests are acknowledged after the flush.
    CommitBeforeAck,
    /// A request that is repeated with its Idempotency-Key gets the stored answer.
    IdempotencyKey,
    /// A dish that is cooked again gives back what the failed attempt held before it reserves anew.
    ReserveOnce,
    /// What `resolve` compares with (document counters) is written down before the attempt.
    Evidence,
    /// The cursor of the uplink moves by what headquarters has committed, not by what was sent.
    CursorAfterAck,
    /// Stock that was reserved for a dish which won't come is free again.
    Release,
    /// Money that comes after the order was given up goes back.
    LateMoney,
    /// An order that is given up at the bank is watched until the bank is through with it.
    CloseAtBank,
    /// Headquarters takes no events behind a gap, and sends the store back.
    GapCheck,
    /// Headquarters that lost events gets them again.
    Rewind,
    /// An open shift takes documents on its own fiscal drive only.
    DriveBinding,
    /// Points are moved once for an operation, however often it is asked for.
    PointsOnce,
    /// After a failed write the database is opened and read again before anything else is written.
    Reopen,
    /// What a killed process left in the write-ahead log is brought to the disk before anything of it is believed.
    SettleLog,
    /// Whenever the robot is there again, its bins are compared with the book of the stock, and people hear of what differs.
    CompareBins,
}

#[cfg(any(test, feature = "emulators"))]
mod switch {
    use super::Protection;
    use std::cell::Cell;

    thread_local! {
        static OFF: Cell<Option<Protection>> = const { Cell::new(None) };
    }

    /// Whether a protection holds on this thread.
    #[must_use]
    pub fn holds(protection: Protection) -> bool {
        OFF.get() != Some(protection)
    }

    /// Runs `life` on this thread without one protection.
    pub fn without<T>(protection: Option<Protection>, life: impl FnOnce() -> T) -> T {
        let before = OFF.replace(protection);
        let result = life();
        OFF.set(before);
        result
    }
}

#[cfg(any(test, feature = "emulators"))]
pub use switch::{holds, without};

/// Whether a protection holds: always.
#[cfg(not(any(test, feature = "emulators")))]
#[must_use]
pub const fn holds(_: Protection) -> bool {
    true
}
