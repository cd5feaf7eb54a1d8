//! The HTTP side of the emulated server, and its worker.

use super::{
    WebEmulator,
    config::WebFault,
    state::{Taken, Worked, is_act, tasks_of},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use galley_link::{BoxStream, Listener};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{io, time::Duration};
use tokio::time::sleep;

/// Most bytes of a request.
const MAX_REQUEST: usize = 4 * 1024 * 1024;

/// The vendor's synchronous queries, and the tasks they stand for.
const OPERATIONS: [(&str, &str); 6] = [
    ("queryDeviceInfo", "getDeviceInfo"),
    ("queryDeviceStatus", "getDeviceStatus"),
    ("queryShiftStatus", "getShiftStatus"),
    ("queryShiftTotals", "getShiftTotals"),
    ("queryFnInfo", "getFnInfo"),
    ("queryFnStatus", "getFnStatus"),
];

impl WebEmulator {
    /// Serves connections and works the queue, until no more connections can come.
    pub async fn listen(&self, mut listener: Listener) {
        let worker = tokio::spawn({
            let server = self.clone();
            async move { server.work().await }
        });
        while let Some(stream) = listener.accept().await {
            if !self.is_up() {
                continue;
            }
            let server = self.clone();
            tokio::spawn(async move { server.serve(stream).await });
        }
        worker.abort();
    }

    async fn serve(&self, stream: BoxStream) {
        let mut life = self.life.subscribe();
        let service = service_fn(|request| self.answer(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            biased;
            _ = life.changed() => {}
            served = connection => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection to the emulated server ended");
                }
            }
        }
    }

    /// One worker: one task after the other.
    async fn work(&self) {
        loop {
            let Some((uuid, mut time)) = self.with(super::state::State::begin) else {
                self.work.notified().await;
                continue;
            };
            let fault = self.with(|s| s.strike(&uuid));
            if let Some(WebFault::Delayed { ms }) = fault {
                time += Duration::from_millis(ms);
            }
            let born = *self.life.borrow();
            sleep(time).await;
            if *self.life.borrow() != born {
                // Died meanwhile: restart tells what becomes of the task.
                continue;
            }
            if let Some(WebFault::LinkLostEarly { ms }) = fault {
                let (server, uuid) = (self.clone(), uuid.clone());
                tokio::spawn(async move {
                    sleep(Duration::from_millis(ms)).await;
                    let now = server.clock.now();
                    server.with(|s| s.carry_out_late(&uuid, now));
                });
            }
            let now = self.clock.now();
            if let Worked::Died = self.with(|s| s.end(&uuid, fault, now)) {
                self.life.send_modify(|n| *n += 1);
            }
        }
    }

    /// An `Err` closes the connection without an answer.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_REQUEST)
            .collect()
            .await
            .map_err(io::Error::other)?
            .to_bytes();
        if let Some((user, password)) = self.with(|s| s.config.credentials.clone()) {
            let right = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            let given = parts.headers.get(header::AUTHORIZATION);
            if given.is_none_or(|g| g.as_bytes() != right.as_bytes()) {
                return reply(StatusCode::UNAUTHORIZED, &json!({"error": "Unauthorized"}));
            }
        }
        let path = parts.uri.path();
        let path = path.strip_prefix("/api/v2").unwrap_or(path);
        match (&parts.method, path.strip_prefix("/requests")) {
            (&Method::POST, Some("" | "/")) => self.post(&body).await,
            (&Method::GET, Some(rest)) => {
                let uuid = rest.trim_start_matches('/');
                match self.with(|s| s.results(uuid)) {
                    Some(results) => reply(StatusCode::OK, &results),
                    None => reply(StatusCode::NOT_FOUND, &json!({"error": "not found"})),
                }
            }
            (&Method::DELETE, Some(rest)) => {
                let uuid = rest.trim_start_matches('/');
                let known = self.with(|s| s.cancel(uuid));
                let status = if known {
                    StatusCode::OK
                } else {
                    StatusCode::NOT_FOUND
                };
                reply(status, &json!({}))
            }
            _ => self.other(&parts.method, path),
        }
    }

    fn other(&self, method: &Method, path: &str) -> io::Result<Response<Full<Bytes>>> {
        if (method, path) == (&Method::GET, "/serverInfo") {
            return reply(
                StatusCode::OK,
                &json!({"version": "10.10.8.0", "name": "emulated"}),
            );
        }
        // What clients were seen to ask to learn whether the server is there.
        if (method, path) == (&Method::GET, "/") {
            return reply(StatusCode::OK, &json!("ATOL web server, emulated"));
        }
        let operation = path.strip_prefix("/operations/").unwrap_or("");
        let Some((_, task)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
            return reply(StatusCode::NOT_FOUND, &json!({"error": "not found"}));
        };
        let now = self.clock.now();
        let done = self.with(|s| {
            let config = s.config.clone();
            s.printer.run(&json!({ "type": task }), &config, now)
        });
        match done {
            Ok(result) => reply(StatusCode::OK, &result),
            Err((code, text)) => reply(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({"error": {"code": code, "description": text}}),
            ),
        }
    }

    async fn post(&self, body: &[u8]) -> io::Result<Response<Full<Bytes>>> {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return reply(StatusCode::BAD_REQUEST, &json!({"error": "bad JSON"}));
        };
        let act = tasks_of(&body).is_some_and(|tasks| is_act(&tasks));
        let fault = self.with(|s| s.faults.strike(act, true));
        let closed = || Err(io::ErrorKind::ConnectionReset.into());
        match fault {
            Some(WebFault::Status { status }) => {
                let status = StatusCode::from_u16(status).map_err(io::Error::other)?;
                return reply(status, &json!({"error": "fault"}));
            }
            Some(WebFault::RequestDropped) => return closed(),
            Some(WebFault::RequestLate { ms }) => {
                let server = self.clone();
                tokio::spawn(async move {
                    sleep(Duration::from_millis(ms)).await;
                    // What a proxy on the way held back.
                    let _late = server.with(|s| s.take(&body));
                    server.work.notify_one();
                });
                return closed();
            }
            _ => {}
        }
        let taken = self.with(|s| s.take(&body));
        self.work.notify_one();
        if fault == Some(WebFault::AnswerDropped) {
            return closed();
        }
        match taken {
            Taken::Yes(number) => reply(
                StatusCode::CREATED,
                &json!({"uuid": body["uuid"], "number": number, "isBlocked": false}),
            ),
            Taken::Known => reply(StatusCode::CONFLICT, &json!({"error": "uuid is known"})),
            Taken::Bad(field) => reply(StatusCode::BAD_REQUEST, &json!({ "error": field })),
        }
    }
}

fn reply(status: StatusCode, body: &Value) -> io::Result<Response<Full<Bytes>>> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(io::Error::other)
}
