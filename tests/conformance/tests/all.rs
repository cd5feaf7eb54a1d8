//! Every make keeps every promise. A new make is one line at the end.

use galley_conformance::{Place, makes, suite};

macro_rules! makes {
    ($($module:ident: $new:path, $($day:ident: $place:expr),+;)*) => {$(
        mod $module {
            use super::*;

            macro_rules! promise {
                ($name:ident) => {
                    #[tokio::test(start_paused = true)]
                    async fn $name() {
                        suite::$name($new).await;
                    }
                };
            }

            promise!(every_trouble_at_the_act_gives_one_document);
            promise!(a_trouble_at_any_exchange_gives_one_document);
            promise!(documents_are_read_back);
            promise!(another_drive_takes_nothing);
            promise!(a_shift_over_24_hours_can_only_be_closed);
            promise!(a_strangers_sale_of_the_same_sum_is_not_ours);
            promise!(a_document_found_behind_others_is_told_whole);
            promise!(nonsense_is_refused_and_changes_nothing);
            promise!(change_is_given_from_cash);
            promise!(money_that_is_not_there_is_refused_for_good);
            promise!(a_marked_unit_is_checked_sold_and_comes_back);
            promise!(a_slip_is_paper_only);
            promise!(the_clock_is_set_between_shifts_only);

            $(
                #[tokio::test]
                async fn $day() {
                    suite::a_day($new, $place).await;
                }
            )*
        }
    )*};
}

makes! {
    atol: makes::atol, a_day_over_tcp: Place::Tcp, a_day_over_a_pty: Place::Pty;
    atol_web: makes::atol_web, a_day_over_tcp: Place::Tcp;
    shtrih_one: makes::shtrih_one, a_day_over_tcp: Place::Tcp, a_day_over_a_pty: Place::Pty;
    shtrih_two: makes::shtrih_two, a_day_over_tcp: Place::Tcp, a_day_over_a_pty: Place::Pty;
}
