//! Mail, through a server that takes it from us.

use super::{PATIENCE, Parcel, Send, SendError};
use crate::world::Secret;
use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::authentication::Credentials,
};

pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// Where ids of messages are from.
    domain: String,
}

impl Email {
    pub(super) fn new(
        server: &str,
        login: Option<(String, Secret)>,
        from: &str,
        to: &[String],
    ) -> Result<Self, String> {
        let bad = || format!("{server:?} is not smtps://HOST[:PORT] or smtp://HOST[:PORT]");
        let (scheme, rest) = server.split_once("://").ok_or_else(bad)?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| bad())?)),
            None => (rest, None),
        };
        let builder =
            match scheme {
                "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
                "smtp" => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
                "smtp+plain" if matches!(host, "127.0.0.1" | "localhost") => Ok(
                    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
                ),
                _ => return Err(bad()),
            };
        let mut builder = builder.map_err(|e| e.to_string())?.timeout(Some(PATIENCE));
        if let Some(port) = port {
            builder = builder.port(port);
        }
        if let Some((user, password)) = login {
            builder = builder.credentials(Credentials::new(user, password.reveal().to_owned()));
        }
        let mailbox = |text: &str| {
            text.parse::<Mailbox>()
                .map_err(|_| format!("{text:?} is not a mail address"))
        };
        let from = mailbox(from)?;
        Ok(Self {
            transport: builder.build(),
            domain: from.email.domain().to_owned(),
            from,
            to: to.iter().map(|t| mailbox(t)).collect::<Result<_, _>>()?,
        })
    }
}

#[async_trait]
impl Send for Email {
    async fn send(&self, parcel: &Parcel<'_>) -> Result<(), SendError> {
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .subject(&parcel.message.subject)
            // The same when it is sent again: many a mailbox shows it once then.
            .message_id(Some(format!("<{}@{}>", parcel.id, self.domain)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        let mail = mail
            .body(parcel.message.text.clone())
            .map_err(|e| SendError::Never(e.to_string()))?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(e) if e.is_permanent() => Err(SendError::Never(e.to_string())),
            Err(e) => Err(SendError::Later(e.to_string())),
        }
    }
}
