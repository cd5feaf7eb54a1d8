//! Whether the store takes orders, and if not: why, in words for guests, and until when.

use super::{Context, FlowError, law, record};
use crate::{
    domain::{
        fiscal_law::{Code, Facts},
        hours::Standing,
        shift::{Shift, ShiftState},
        stops::{Pause, PauseKind},
        text::Text,
        time::{Timestamp, local},
    },
    store::Snapshot,
};
use std::time::Duration;

/// Document with the pause of sales; gone when there is none.
pub(super) const PAUSE: &str = "sales-pause";

/// Nothing on the menu can be had; for programs.
pub const EMPTY_MENU: &str = "menu";

/// Why the store takes no orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// For programs: `shift`, `fiscal_drive`, `robot`, `printer`, `menu`, `cleaning`, `paused`, `hours`, `disk`,
    /// `replaced`.
    pub slug: &'static str,
    /// For guests.
    pub reason: Text,
    /// Until when, where that is known.
    pub until_at: Option<Timestamp>,
}

impl Closed {
    fn new(slug: &'static str, reason: Text) -> Self {
        Self {
            slug,
            reason,
            until_at: None,
        }
    }

    /// The disk is full: nothing that is sold could be written down.
    #[must_use]
    pub fn by_full_disk() -> Self {
        Self::new(
            "disk",
            Text::new(
                "Память кассы заполнена, заказы временно не принимаются. Позовите сотрудника.",
                "Kassa xotirasi to‘lgan, buyurtmalar vaqtincha qabul qilinmaydi. Xodimni chaqiring.",
                "The till's memory is full; no orders can be taken for now. Please call staff.",
            ),
        )
    }

    /// The disk does not answer; `reason` is for guests.
    #[must_use]
    pub fn by_stalled_disk(reason: Text) -> Self {
        Self::new("disk", reason)
    }

    /// Nothing on the menu can be had.
    #[must_use]
    pub fn by_empty_menu() -> Self {
        Self::new(
            EMPTY_MENU,
            Text::new(
                "Все блюда закончились. Приходите, пожалуйста, позже.",
                "Barcha taomlar tugadi. Iltimos, keyinroq keling.",
                "Everything is sold out. Please come later.",
            ),
        )
    }

    /// Another box has taken the store over.
    fn by_other_box() -> Self {
        Self::new(
            "replaced",
            Text::new(
                "Эта касса заменена другой и больше не принимает заказы. Позовите сотрудника.",
                "Bu kassa boshqasiga almashtirilgan va endi buyurtma qabul qilmaydi. Xodimni chaqiring.",
                "This till was replaced by another one and takes no orders any more. Please call staff.",
            ),
        )
    }

    fn until(self, until_at: Option<Timestamp>) -> Self {
        Self { until_at, ..self }
    }
}

/// Whether the store takes orders, and if not, why. What single dishes there are is another matter.
///
/// # Errors
/// When the database can't be read.
pub fn accepting(s: &Snapshot<'_>, cx: &Context) -> Result<Result<(), Closed>, FlowError> {
    let shift = s.shift()?;
    let till = law::facts_beside(s, &shift)?;
    accepting_now(s, cx, &shift, &till)
}

/// [`accepting`] where shift and till are known already.
pub(super) fn accepting_now(
    s: &Snapshot<'_>,
    cx: &Context,
    shift: &Shift,
    till: &Facts,
) -> Result<Result<(), Closed>, FlowError> {
    if cx.policy.fenced_by.is_some() {
        return Ok(Err(Closed::by_other_box()));
    }
    if let Some(closed) = paused(s, cx)?.or_else(|| outside_hours(cx)) {
        return Ok(Err(closed));
    }
    let devices: record::Devices = s.document(record::DEVICES)?.unwrap_or_default();
    let away = |name: &str, grace: Duration| {
        devices
            .get(name)
            .is_some_and(|d| d.state != "up" && cx.now.since(d.since_at) > grace)
    };
    let closed = match shift.state {
        ShiftState::Closed if !cx.policy.auto_open_shift => Closed::new(
            "shift",
            Text::new(
                "Касса закрыта. Приходите, пожалуйста, позже.",
                "Kassa yopiq. Iltimos, keyinroq keling.",
                "The till is closed. Please come later.",
            ),
        ),
        ShiftState::Closing if !shift.reopening => Closed::new(
            "shift",
            Text::new(
                "Касса закрывает смену. Подождите минуту.",
                "Kassa smenani yopmoqda. Bir daqiqa kuting.",
                "The till is closing its shift. Please wait a minute.",
            ),
        ),
        ShiftState::Open if !shift.sells(cx.now) => Closed::new(
            "shift",
            Text::new(
                "Смена кассы длится больше 24 часов. Позовите сотрудника.",
                "Kassa smenasi 24 soatdan oshdi. Xodimni chaqiring.",
                "The till's shift is over 24 hours old. Please call staff.",
            ),
        ),
        _ if away("robot", cx.policy.robot_grace) => Closed::new(
            "robot",
            Text::new(
                "Робота обслуживают, время готовки неизвестно.",
                "Robotga xizmat ko‘rsatilmoqda, tayyor bo‘lish vaqti noma’lum.",
                "The robot is being attended to; cooking times are not known.",
            ),
        ),
        _ if away("printer", cx.policy.printer_grace) => Closed::new(
            "printer",
            Text::new(
                "Касса не печатает чеки. Позовите сотрудника.",
                "Kassa chek chiqarmayapti. Xodimni chaqiring.",
                "The till can't print receipts. Please call staff.",
            ),
        ),
        _ => match law::blocked(till, cx) {
            None => return Ok(Ok(())),
            Some(finding) => {
                let slug = match finding.code {
                    Code::Shift => "shift",
                    _ => "fiscal_drive",
                };
                Closed::new(slug, finding.for_guests())
            }
        },
    };
    Ok(Err(closed))
}

/// The pause of sales that holds now.
///
/// # Errors
/// When it can't be read.
pub fn pause(s: &Snapshot<'_>, now: Timestamp) -> Result<Option<Pause>, FlowError> {
    let kept: Option<Option<Pause>> = s.document(PAUSE)?;
    Ok(kept.flatten().filter(|p| p.stop.holds(now)))
}

fn paused(s: &Snapshot<'_>, cx: &Context) -> Result<Option<Closed>, FlowError> {
    Ok(pause(s, cx.now)?.map(|p| {
        let (slug, reason) = match p.kind {
            PauseKind::Paused => (
                "paused",
                Text::new(
                    "Сейчас заказы не принимаются. Спросите, пожалуйста, сотрудника.",
                    "Hozir buyurtmalar qabul qilinmayapti. Iltimos, xodimdan so‘rang.",
                    "No orders are taken right now. Please ask staff.",
                ),
            ),
            PauseKind::Cleaning => (
                "cleaning",
                Text::new(
                    "Идёт уборка. Скоро снова примем ваш заказ.",
                    "Tozalash ketmoqda. Tez orada buyurtmangizni qabul qilamiz.",
                    "We are cleaning. We will take your order again soon.",
                ),
            ),
        };
        Closed::new(slug, reason).until(p.stop.until_at)
    }))
}

fn outside_hours(cx: &Context) -> Option<Closed> {
    match cx.policy.hours.at(&local(cx.now, &cx.zone)) {
        Standing::Open(_) => None,
        Standing::Closed(until) => Some(
            Closed::new(
                "hours",
                Text::new(
                    "Ресторан сейчас закрыт. Ждём вас в часы работы.",
                    "Restoran hozir yopiq. Sizni ish vaqtida kutamiz.",
                    "The restaurant is closed now. See you during opening hours.",
                ),
            )
            .until(until),
        ),
    }
}
