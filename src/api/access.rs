//! Every route of the API by name, and what a key of another system must be good for to use it.
//!
//! A key is let through here and nowhere else: a route that names no scope is shut to every key, and one that is not
//! listed is too. People and screens are let through by their role, before anything of what they send is read; the routes
//! look again, and closer.

use super::{
    Problem,
    auth::{ANYONE, CASHIERS, MANAGERS, ORDERING, Role, STAFF, TECHNICIANS, TILLS},
};
use crate::domain::scope::Scope;
use axum::http::Method;

/// Where the routes below are served.
pub(super) const PREFIX: &str = "/api/v1";

/// Method, path, name, the scopes of which a key must have one, and the roles of the others who may.
pub(super) struct Route(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static [Scope],
    pub(super) &'static [Role],
);

/// Screens of guests.
const KIOSKS: &[Role] = &[Role::Kiosk];

/// The route of a request by the template of its path, `/api/v1/orders/{id}`.
pub(super) fn route(method: &str, template: &str) -> Option<&'static Route> {
    let path = template.strip_prefix(PREFIX)?;
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.iter().find(|r| r.0 == method && r.1 == path)
}

/// Lets a key with these scopes through, or not.
///
/// # Errors
/// `forbidden`, and which scope would do.
pub(super) fn admit(scopes: &[Scope], method: &Method, template: &str) -> Result<(), Problem> {
    let wanted = route(method.as_str(), template).map_or(&[][..], |r| r.3);
    if wanted.iter().any(|s| scopes.contains(s)) {
        return Ok(());
    }
    let words: Vec<_> = wanted.iter().map(|s| s.word()).collect();
    Err(Problem::forbidden(match words.is_empty() {
        true => "no key may do this: it takes a person or a screen".to_owned(),
        false => format!("this key lacks the scope {}", words.join(" or ")),
    }))
}

/// Whether somebody with this role may use the route at all.
pub(super) fn may(role: Role, method: &Method, template: &str) -> bool {
    route(method.as_str(), template).is_none_or(|r| r.4.contains(&role))
}

macro_rules! routes {
    ($(($method:literal, $path:literal, $name:literal, $scopes:expr, $roles:expr),)*) => {
        &[$(Route($method, $path, $name, $scopes, $roles),)*]
    };
}

use Scope as S;

/// All of them.
pub(super) const ROUTES: &[Route] = routes![
    ("GET", "/alerts", "list_alerts", &[S::DevicesRead], STAFF),
    ("GET", "/backups", "list_backups", &[], TECHNICIANS),
    ("POST", "/backups", "make_backup", &[], TECHNICIANS),
    ("POST", "/backups/verify", "verify_backup", &[], TECHNICIANS),
    (
        "GET",
        "/board",
        "read_board",
        &[S::MenuRead, S::OrdersRead],
        ANYONE
    ),
    ("GET", "/box", "read_box", &[S::DevicesRead], STAFF),
    ("GET", "/calls", "list_calls", &[], ORDERING),
    ("POST", "/calls", "call_staff", &[], KIOSKS),
    ("POST", "/calls/{id}/answer", "answer_call", &[], STAFF),
    ("POST", "/client-errors", "report_client_error", &[], ANYONE),
    ("GET", "/devices", "list_devices", &[S::DevicesRead], STAFF),
    (
        "GET",
        "/devices/printer/clock",
        "read_printer_clock",
        &[S::DevicesRead],
        STAFF
    ),
    (
        "POST",
        "/devices/printer/clock",
        "set_printer_clock",
        &[],
        TECHNICIANS
    ),
    (
        "POST",
        "/devices/printer/continue-print",
        "continue_print",
        &[],
        STAFF
    ),
    (
        "POST",
        "/devices/printer/copy-last",
        "copy_last_document",
        &[],
        STAFF
    ),
    ("POST", "/devices/printer/cut", "cut_paper", &[], STAFF),
    (
        "GET",
        "/devices/printer/documents/{number}",
        "read_fiscal_document",
        &[],
        STAFF
    ),
    (
        "POST",
        "/devices/printer/drawer",
        "open_drawer",
        &[],
        TECHNICIANS
    ),
    (
        "GET",
        "/devices/printer/drive",
        "read_fiscal_drive",
        &[S::DevicesRead],
        STAFF
    ),
    (
        "GET",
        "/devices/printer/info",
        "read_printer_info",
        &[S::DevicesRead],
        STAFF
    ),
    (
        "GET",
        "/devices/printer/law",
        "read_fiscal_law",
        &[S::DevicesRead],
        STAFF
    ),
    (
        "GET",
        "/devices/printer/ofd",
        "read_ofd",
        &[S::DevicesRead],
        STAFF
    ),
    (
        "GET",
        "/devices/printer/registration",
        "read_registration",
        &[],
        STAFF
    ),
    ("POST", "/devices/printer/slips", "print_slip", &[], STAFF),
    (
        "GET",
        "/devices/printer/tables/{table}/{row}/{field}",
        "read_printer_table",
        &[],
        STAFF
    ),
    (
        "POST",
        "/devices/printer/tables/{table}/{row}/{field}",
        "write_printer_table",
        &[],
        TECHNICIANS
    ),
    (
        "GET",
        "/devices/printer/totals",
        "read_printer_totals",
        &[],
        STAFF
    ),
    (
        "POST",
        "/effects/{id}/settle",
        "settle_effect",
        &[],
        TECHNICIANS
    ),
    (
        "GET",
        "/fiscal/last",
        "read_last_document",
        &[S::SalesRead],
        STAFF
    ),
    (
        "GET",
        "/fiscal/status",
        "read_fiscal_status",
        &[S::DevicesRead],
        STAFF
    ),
    ("POST", "/guests/birthday", "set_birthday", &[], CASHIERS),
    ("POST", "/guests/forget", "forget_guest", &[], CASHIERS),
    ("GET", "/keys", "list_keys", &[], MANAGERS),
    ("POST", "/keys", "create_key", &[], MANAGERS),
    ("POST", "/keys/{name}/revoke", "revoke_key", &[], MANAGERS),
    ("POST", "/keys/{name}/rotate", "rotate_key", &[], MANAGERS),
    ("GET", "/live", "follow_events", &[S::EventsRead], ANYONE),
    ("GET", "/log", "read_log", &[], STAFF),
    (
        "POST",
        "/loyalty/lookup",
        "look_member_up",
        &[S::OrdersCreate],
        ORDERING
    ),
    ("POST", "/loyalty/members", "join_members", &[], ORDERING),
    ("GET", "/loyalty/members/{id}", "read_member", &[], STAFF),
    (
        "POST",
        "/loyalty/members/{id}/adjust",
        "adjust_points",
        &[],
        TECHNICIANS
    ),
    (
        "POST",
        "/loyalty/members/{id}/forget",
        "forget_member",
        &[],
        CASHIERS
    ),
    (
        "GET",
        "/menu",
        "read_menu",
        &[S::MenuRead, S::OrdersCreate],
        ANYONE
    ),
    (
        "GET",
        "/menu/stops",
        "list_stops",
        &[S::StockRead, S::StopsWrite],
        STAFF
    ),
    ("POST", "/menu/stops", "stop_sale", &[S::StopsWrite], STAFF),
    (
        "POST",
        "/menu/stops/lift",
        "lift_stop",
        &[S::StopsWrite],
        STAFF
    ),
    ("GET", "/orders", "list_orders", &[S::OrdersRead], STAFF),
    (
        "POST",
        "/orders",
        "place_order",
        &[S::OrdersCreate],
        ORDERING
    ),
    (
        "GET",
        "/orders/{id}",
        "read_order",
        &[S::OrdersCreate, S::OrdersRead],
        ORDERING
    ),
    (
        "POST",
        "/orders/{id}/cancel",
        "cancel_order",
        &[S::OrdersCreate],
        ORDERING
    ),
    (
        "POST",
        "/orders/{id}/codes",
        "scan_code",
        &[S::OrdersCreate],
        ORDERING
    ),
    (
        "POST",
        "/orders/{id}/codes/release",
        "release_code",
        &[S::OrdersCreate],
        ORDERING
    ),
    (
        "POST",
        "/orders/{id}/correction",
        "correct_order",
        &[],
        TECHNICIANS
    ),
    (
        "POST",
        "/orders/{id}/hand-over",
        "hand_over_order",
        &[S::OrdersHandOver],
        STAFF
    ),
    (
        "POST",
        "/orders/{id}/loyalty",
        "attach_member",
        &[S::OrdersCreate],
        ORDERING
    ),
    (
        "POST",
        "/orders/{id}/payments",
        "start_payment",
        &[S::OrdersCreate],
        ORDERING
    ),
    ("POST", "/orders/{id}/recall", "recall_order", &[], STAFF),
    (
        "POST",
        "/orders/{id}/receipt-to",
        "choose_receipt",
        &[S::OrdersCreate],
        ORDERING
    ),
    (
        "POST",
        "/orders/{id}/refunds",
        "refund_order",
        &[S::RefundsCreate],
        STAFF
    ),
    ("GET", "/orders/{id}/timeline", "read_timeline", &[], STAFF),
    ("GET", "/pairing", "poll_pairing", &[], ANYONE),
    ("POST", "/pairing", "ask_pairing", &[], ANYONE),
    (
        "GET",
        "/payments/{id}",
        "read_payment",
        &[S::OrdersCreate, S::OrdersRead],
        ANYONE
    ),
    (
        "POST",
        "/payments/{id}/cancel",
        "cancel_payment",
        &[S::OrdersCreate],
        ORDERING
    ),
    ("POST", "/payments/{id}/confirm", "confirm_cash", &[], STAFF),
    (
        "GET",
        "/payments/{id}/qr.svg",
        "read_payment_qr",
        &[S::OrdersCreate, S::OrdersRead],
        ANYONE
    ),
    (
        "POST",
        "/payments/{id}/result",
        "report_terminal_result",
        &[S::PaymentsReport],
        TILLS
    ),
    (
        "POST",
        "/quote",
        "quote",
        &[S::MenuRead, S::OrdersCreate],
        ORDERING
    ),
    (
        "POST",
        "/receipts/{receipt}/correction",
        "correct_receipt",
        &[],
        TECHNICIANS
    ),
    ("GET", "/reconcile", "reconcile", &[S::SalesRead], STAFF),
    (
        "POST",
        "/refunds/{id}/confirm",
        "confirm_refund",
        &[],
        STAFF
    ),
    ("POST", "/robot/clear", "clear_robot", &[], TECHNICIANS),
    (
        "GET",
        "/robot/jobs",
        "list_robot_jobs",
        &[S::DevicesRead],
        STAFF
    ),
    (
        "POST",
        "/robot/jobs/{job_id}/abort",
        "abort_job",
        &[],
        TECHNICIANS
    ),
    (
        "POST",
        "/robot/jobs/{job_id}/{press}",
        "press_robot_button",
        &[],
        STAFF
    ),
    ("POST", "/robot/pause", "pause_robot", &[], TECHNICIANS),
    ("POST", "/robot/reset", "reset_robot", &[], TECHNICIANS),
    ("POST", "/robot/resume", "resume_robot", &[], TECHNICIANS),
    ("POST", "/robot/start", "start_robot", &[], TECHNICIANS),
    (
        "GET",
        "/robot/status",
        "read_robot_status",
        &[S::DevicesRead],
        STAFF
    ),
    ("POST", "/sales/pause", "pause_sales", &[], TECHNICIANS),
    ("POST", "/sales/resume", "resume_sales", &[], TECHNICIANS),
    ("GET", "/screens", "list_screens", &[], TECHNICIANS),
    ("POST", "/screens", "pair_screen", &[], TECHNICIANS),
    (
        "POST",
        "/screens/{name}/rename",
        "rename_screen",
        &[],
        TECHNICIANS
    ),
    (
        "POST",
        "/screens/{name}/revoke",
        "revoke_screen",
        &[],
        TECHNICIANS
    ),
    ("GET", "/secrets", "list_secrets", &[], MANAGERS),
    ("POST", "/secrets", "set_secret", &[], MANAGERS),
    ("POST", "/secrets/rotate", "reseal_secrets", &[], MANAGERS),
    (
        "POST",
        "/secrets/{name}/remove",
        "remove_secret",
        &[],
        MANAGERS
    ),
    ("POST", "/sessions", "open_session", &[], ANYONE),
    ("GET", "/sessions/current", "read_session", &[], ANYONE),
    ("DELETE", "/sessions/current", "close_session", &[], ANYONE),
    ("POST", "/sessions/unlock", "unlock_door", &[], MANAGERS),
    ("GET", "/shift", "read_shift", &[S::SalesRead], STAFF),
    ("POST", "/shift/cash", "move_cash", &[], STAFF),
    ("POST", "/shift/close", "close_shift", &[], STAFF),
    (
        "POST",
        "/shift/correction",
        "correct_loose",
        &[],
        TECHNICIANS
    ),
    ("POST", "/shift/count", "count_drawer", &[], STAFF),
    ("POST", "/shift/open", "open_shift", &[], STAFF),
    (
        "GET",
        "/shift/report",
        "read_shift_report",
        &[S::SalesRead],
        STAFF
    ),
    ("POST", "/shift/x-report", "print_x_report", &[], STAFF),
    ("GET", "/stock", "list_stock", &[S::StockRead], STAFF),
    (
        "POST",
        "/stock/count",
        "count_stock",
        &[S::StockWrite],
        STAFF
    ),
    (
        "POST",
        "/stock/receive",
        "receive_stock",
        &[S::StockWrite],
        STAFF
    ),
    // What every guest sees, and every times and sums need: which store, its zone, its currency.
    ("GET", "/store", "read_store", S::ALL, ANYONE),
    ("GET", "/sync", "read_sync", &[S::DevicesRead], STAFF),
    ("POST", "/sync/now", "sync_now", &[], TECHNICIANS),
    ("GET", "/tls", "read_tls", &[], TECHNICIANS),
    ("POST", "/tls/renew", "renew_tls", &[], TECHNICIANS),
    ("GET", "/users", "list_users", &[], MANAGERS),
    ("POST", "/users", "add_user", &[], MANAGERS),
    ("POST", "/users/{name}/pin", "set_pin", &[], MANAGERS),
    ("POST", "/users/{name}/{act}", "change_user", &[], MANAGERS),
    ("GET", "/webhooks", "list_webhooks", &[], MANAGERS),
    ("POST", "/webhooks", "create_webhook", &[], MANAGERS),
    (
        "POST",
        "/webhooks/{name}/pause",
        "pause_webhook",
        &[],
        MANAGERS
    ),
    (
        "POST",
        "/webhooks/{name}/ping",
        "ping_webhook",
        &[],
        MANAGERS
    ),
    (
        "POST",
        "/webhooks/{name}/redeliver",
        "redeliver_webhook",
        &[],
        MANAGERS
    ),
    (
        "POST",
        "/webhooks/{name}/remove",
        "remove_webhook",
        &[],
        MANAGERS
    ),
    (
        "POST",
        "/webhooks/{name}/resume",
        "resume_webhook",
        &[],
        MANAGERS
    ),
    (
        "POST",
        "/webhooks/{name}/rotate",
        "rotate_webhook_secret",
        &[],
        MANAGERS
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_listed_once_and_has_a_name_of_its_own() {
        let names: BTreeSet<_> = ROUTES.iter().map(|r| r.2).collect();
        let places: BTreeSet<_> = ROUTES.iter().map(|r| (r.0, r.1)).collect();
        assert_eq!(names.len(), ROUTES.len());
        assert_eq!(places.len(), ROUTES.len());
        let (_, served) = super::super::routes_v1().split_for_parts();
        let served = serde_json::to_value(&served).unwrap();
        let mut count = 0;
        for (path, verbs) in served["paths"].as_object().unwrap() {
            for verb in verbs.as_object().unwrap().keys() {
                let template = format!("{PREFIX}{path}");
                let listed = route(&verb.to_uppercase(), &template).is_some();
                assert!(listed, "{verb} {path} is not listed in ROUTES");
                count += 1;
            }
        }
        assert_eq!(count, ROUTES.len(), "a route is listed that is not served");
    }

    #[test]
    fn a_key_opens_what_it_has_a_scope_for_and_nothing_else() {
        let admit = |scopes: &[Scope], method: Method, path: &str| {
            admit(scopes, &method, &format!("{PREFIX}{path}")).is_ok()
        };
        assert!(admit(&[S::StockRead], Method::GET, "/stock"));
        assert!(admit(&[S::StockRead], Method::HEAD, "/stock"));
        assert!(!admit(&[S::StockRead], Method::POST, "/stock/receive"));
        assert!(!admit(Scope::ALL, Method::POST, "/users"));
        assert!(!admit(Scope::ALL, Method::POST, "/keys"));
        assert!(!admit(Scope::ALL, Method::GET, "/secrets"));
        assert!(!admit(Scope::ALL, Method::GET, "/nothing"));
        assert!(!admit(Scope::ALL, Method::PUT, "/stock"));
        assert!(!admit(&[], Method::GET, "/menu"));
        assert!(!admit(&[], Method::GET, "/store"));
        for scope in Scope::ALL {
            let opens = |r: &&Route| r.1 != "/store" && r.3.contains(scope);
            assert!(ROUTES.iter().any(|r| opens(&r)), "{}", scope.word());
            assert!(admit(&[*scope], Method::GET, "/store"), "{}", scope.word());
        }
    }
}
