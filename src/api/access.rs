//! Every route of the API by name, and what a key of another system must be good for to use it.
//!
//! A key is let through here and nowhere else: a route that names no scope is shut to every key, and one that is not
//! listed is too. Roles of people and screens are looked at by the routes themselves.

use super::Problem;
use crate::domain::scope::Scope;
use axum::http::Method;

/// Where the routes below are served.
pub(super) const PREFIX: &str = "/api/v1";

/// Method, path, name, and the scopes of which a key must have one.
pub(super) struct Route(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static [Scope],
);

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

macro_rules! routes {
    ($(($method:literal, $path:literal, $name:literal, $scopes:expr),)*) => {
        &[$(Route($method, $path, $name, $scopes),)*]
    };
}

use Scope as S;

/// All of them.
pub(super) const ROUTES: &[Route] = routes![
    ("GET", "/alerts", "list_alerts", &[S::DevicesRead]),
    ("GET", "/backups", "list_backups", &[]),
    ("POST", "/backups", "make_backup", &[]),
    ("POST", "/backups/verify", "verify_backup", &[]),
    ("GET", "/board", "read_board", &[S::MenuRead, S::OrdersRead]),
    ("GET", "/box", "read_box", &[S::DevicesRead]),
    ("GET", "/calls", "list_calls", &[]),
    ("POST", "/calls", "call_staff", &[]),
    ("POST", "/calls/{id}/answer", "answer_call", &[]),
    ("POST", "/client-errors", "report_client_error", &[]),
    ("GET", "/devices", "list_devices", &[S::DevicesRead]),
    (
        "GET",
        "/devices/printer/clock",
        "read_printer_clock",
        &[S::DevicesRead]
    ),
    ("POST", "/devices/printer/clock", "set_printer_clock", &[]),
    (
        "POST",
        "/devices/printer/continue-print",
        "continue_print",
        &[]
    ),
    (
        "POST",
        "/devices/printer/copy-last",
        "copy_last_document",
        &[]
    ),
    ("POST", "/devices/printer/cut", "cut_paper", &[]),
    (
        "GET",
        "/devices/printer/documents/{number}",
        "read_fiscal_document",
        &[]
    ),
    ("POST", "/devices/printer/drawer", "open_drawer", &[]),
    (
        "GET",
        "/devices/printer/drive",
        "read_fiscal_drive",
        &[S::DevicesRead]
    ),
    (
        "GET",
        "/devices/printer/info",
        "read_printer_info",
        &[S::DevicesRead]
    ),
    (
        "GET",
        "/devices/printer/law",
        "read_fiscal_law",
        &[S::DevicesRead]
    ),
    ("GET", "/devices/printer/ofd", "read_ofd", &[S::DevicesRead]),
    (
        "GET",
        "/devices/printer/registration",
        "read_registration",
        &[]
    ),
    ("POST", "/devices/printer/slips", "print_slip", &[]),
    (
        "GET",
        "/devices/printer/tables/{table}/{row}/{field}",
        "read_printer_table",
        &[]
    ),
    (
        "POST",
        "/devices/printer/tables/{table}/{row}/{field}",
        "write_printer_table",
        &[]
    ),
    ("GET", "/devices/printer/totals", "read_printer_totals", &[]),
    ("POST", "/effects/{id}/settle", "settle_effect", &[]),
    ("GET", "/fiscal/last", "read_last_document", &[S::SalesRead]),
    (
        "GET",
        "/fiscal/status",
        "read_fiscal_status",
        &[S::DevicesRead]
    ),
    ("POST", "/guests/birthday", "set_birthday", &[]),
    ("POST", "/guests/forget", "forget_guest", &[]),
    ("GET", "/keys", "list_keys", &[]),
    ("POST", "/keys", "create_key", &[]),
    ("POST", "/keys/{name}/revoke", "revoke_key", &[]),
    ("POST", "/keys/{name}/rotate", "rotate_key", &[]),
    ("GET", "/live", "follow_events", &[S::EventsRead]),
    ("GET", "/log", "read_log", &[]),
    (
        "POST",
        "/loyalty/lookup",
        "look_member_up",
        &[S::OrdersCreate]
    ),
    ("POST", "/loyalty/members", "join_members", &[]),
    ("GET", "/loyalty/members/{id}", "read_member", &[]),
    ("POST", "/loyalty/members/{id}/adjust", "adjust_points", &[]),
    ("POST", "/loyalty/members/{id}/forget", "forget_member", &[]),
    ("GET", "/menu", "read_menu", &[S::MenuRead, S::OrdersCreate]),
    (
        "GET",
        "/menu/stops",
        "list_stops",
        &[S::StockRead, S::StopsWrite]
    ),
    ("POST", "/menu/stops", "stop_sale", &[S::StopsWrite]),
    ("POST", "/menu/stops/lift", "lift_stop", &[S::StopsWrite]),
    ("GET", "/orders", "list_orders", &[S::OrdersRead]),
    ("POST", "/orders", "place_order", &[S::OrdersCreate]),
    (
        "GET",
        "/orders/{id}",
        "read_order",
        &[S::OrdersCreate, S::OrdersRead]
    ),
    (
        "POST",
        "/orders/{id}/cancel",
        "cancel_order",
        &[S::OrdersCreate]
    ),
    (
        "POST",
        "/orders/{id}/codes",
        "scan_code",
        &[S::OrdersCreate]
    ),
    (
        "POST",
        "/orders/{id}/codes/release",
        "release_code",
        &[S::OrdersCreate]
    ),
    ("POST", "/orders/{id}/correction", "correct_order", &[]),
    (
        "POST",
        "/orders/{id}/hand-over",
        "hand_over_order",
        &[S::OrdersHandOver]
    ),
    (
        "POST",
        "/orders/{id}/loyalty",
        "attach_member",
        &[S::OrdersCreate]
    ),
    (
        "POST",
        "/orders/{id}/payments",
        "start_payment",
        &[S::OrdersCreate]
    ),
    ("POST", "/orders/{id}/recall", "recall_order", &[]),
    (
        "POST",
        "/orders/{id}/receipt-to",
        "choose_receipt",
        &[S::OrdersCreate]
    ),
    (
        "POST",
        "/orders/{id}/refunds",
        "refund_order",
        &[S::RefundsCreate]
    ),
    ("GET", "/orders/{id}/timeline", "read_timeline", &[]),
    ("GET", "/pairing", "poll_pairing", &[]),
    ("POST", "/pairing", "ask_pairing", &[]),
    (
        "GET",
        "/payments/{id}",
        "read_payment",
        &[S::OrdersCreate, S::OrdersRead]
    ),
    (
        "POST",
        "/payments/{id}/cancel",
        "cancel_payment",
        &[S::OrdersCreate]
    ),
    ("POST", "/payments/{id}/confirm", "confirm_cash", &[]),
    (
        "GET",
        "/payments/{id}/qr.svg",
        "read_payment_qr",
        &[S::OrdersCreate, S::OrdersRead]
    ),
    (
        "POST",
        "/payments/{id}/result",
        "report_terminal_result",
        &[S::PaymentsReport]
    ),
    ("POST", "/quote", "quote", &[S::MenuRead, S::OrdersCreate]),
    (
        "POST",
        "/receipts/{receipt}/correction",
        "correct_receipt",
        &[]
    ),
    ("GET", "/reconcile", "reconcile", &[S::SalesRead]),
    ("POST", "/refunds/{id}/confirm", "confirm_refund", &[]),
    ("POST", "/robot/clear", "clear_robot", &[]),
    ("GET", "/robot/jobs", "list_robot_jobs", &[S::DevicesRead]),
    ("POST", "/robot/jobs/{job_id}/abort", "abort_job", &[]),
    (
        "POST",
        "/robot/jobs/{job_id}/{press}",
        "press_robot_button",
        &[]
    ),
    ("POST", "/robot/pause", "pause_robot", &[]),
    ("POST", "/robot/reset", "reset_robot", &[]),
    ("POST", "/robot/resume", "resume_robot", &[]),
    ("POST", "/robot/start", "start_robot", &[]),
    (
        "GET",
        "/robot/status",
        "read_robot_status",
        &[S::DevicesRead]
    ),
    ("POST", "/sales/pause", "pause_sales", &[]),
    ("POST", "/sales/resume", "resume_sales", &[]),
    ("GET", "/screens", "list_screens", &[]),
    ("POST", "/screens", "pair_screen", &[]),
    ("POST", "/screens/{name}/rename", "rename_screen", &[]),
    ("POST", "/screens/{name}/revoke", "revoke_screen", &[]),
    ("GET", "/secrets", "list_secrets", &[]),
    ("POST", "/secrets", "set_secret", &[]),
    ("POST", "/secrets/rotate", "reseal_secrets", &[]),
    ("POST", "/secrets/{name}/remove", "remove_secret", &[]),
    ("POST", "/sessions", "open_session", &[]),
    ("GET", "/sessions/current", "read_session", &[]),
    ("DELETE", "/sessions/current", "close_session", &[]),
    ("POST", "/sessions/unlock", "unlock_door", &[]),
    ("GET", "/shift", "read_shift", &[S::SalesRead]),
    ("POST", "/shift/cash", "move_cash", &[]),
    ("POST", "/shift/close", "close_shift", &[]),
    ("POST", "/shift/correction", "correct_loose", &[]),
    ("POST", "/shift/count", "count_drawer", &[]),
    ("POST", "/shift/open", "open_shift", &[]),
    ("GET", "/shift/report", "read_shift_report", &[S::SalesRead]),
    ("POST", "/shift/x-report", "print_x_report", &[]),
    ("GET", "/stock", "list_stock", &[S::StockRead]),
    ("POST", "/stock/count", "count_stock", &[S::StockWrite]),
    ("POST", "/stock/receive", "receive_stock", &[S::StockWrite]),
    // What every guest sees, and every times and sums need: which store, its zone, its currency.
    ("GET", "/store", "read_store", S::ALL),
    ("GET", "/sync", "read_sync", &[S::DevicesRead]),
    ("POST", "/sync/now", "sync_now", &[]),
    ("GET", "/tls", "read_tls", &[]),
    ("POST", "/tls/renew", "renew_tls", &[]),
    ("GET", "/users", "list_users", &[]),
    ("POST", "/users", "add_user", &[]),
    ("POST", "/users/{name}/pin", "set_pin", &[]),
    ("POST", "/users/{name}/{act}", "change_user", &[]),
    ("GET", "/webhooks", "list_webhooks", &[]),
    ("POST", "/webhooks", "create_webhook", &[]),
    ("POST", "/webhooks/{name}/pause", "pause_webhook", &[]),
    ("POST", "/webhooks/{name}/ping", "ping_webhook", &[]),
    (
        "POST",
        "/webhooks/{name}/redeliver",
        "redeliver_webhook",
        &[]
    ),
    ("POST", "/webhooks/{name}/remove", "remove_webhook", &[]),
    ("POST", "/webhooks/{name}/resume", "resume_webhook", &[]),
    (
        "POST",
        "/webhooks/{name}/rotate",
        "rotate_webhook_secret",
        &[]
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
