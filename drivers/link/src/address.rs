//! Where a device is reached, as written in the configuration.

use std::{fmt, str::FromStr};

/// The place of a device.
///
/// Written as `tcp://192.168.1.10:5555`, `serial:///dev/ttyACM0?baud=115200` or, in tests and in the
/// simulator, `mem://printer`.
///
/// ```
/// use galley_link::Address;
/// let a: Address = "serial:///dev/ttyACM0?baud=57600".parse().unwrap();
/// assert_eq!(a, Address::Serial { path: "/dev/ttyACM0".into(), baud: 57_600 });
/// assert_eq!(a.to_string(), "serial:///dev/ttyACM0?baud=57600");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A TCP peer, `host:port`.
    Tcp(String),
    /// A serial line or pty; 8 data bits, no parity, one stop bit, no flow control.
    Serial {
        /// The device file.
        path: String,
        /// Bits per second.
        baud: u32,
    },
    /// A pipe in memory, by name ([`crate::MemoryNet`]).
    Memory(String),
}

/// Baud rate when an address names none.
const DEFAULT_BAUD: u32 = 115_200;

/// An address that can't be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no device address; write tcp://HOST:PORT, serial:///dev/ttyACM0?baud=115200 or mem://NAME"
)]
pub struct AddressError(pub String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bad = || AddressError(text.to_owned());
        if let Some(peer) = text.strip_prefix("tcp://") {
            let (host, port) = peer.rsplit_once(':').ok_or_else(bad)?;
            port.parse::<u16>().map_err(|_| bad())?;
            if host.is_empty() {
                return Err(bad());
            }
            Ok(Self::Tcp(peer.to_owned()))
        } else if let Some(rest) = text.strip_prefix("serial://") {
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            if !path.starts_with('/') {
                return Err(bad());
            }
            let baud = match query.strip_prefix("baud=") {
                Some(n) => n.parse().map_err(|_| bad())?,
                None if query.is_empty() => DEFAULT_BAUD,
                None => return Err(bad()),
            };
            Ok(Self::Serial {
                path: path.to_owned(),
                baud,
            })
        } else if let Some(name) = text.strip_prefix("mem://")
            && !name.is_empty()
        {
            Ok(Self::Memory(name.to_owned()))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(peer) => write!(f, "tcp://{peer}"),
            Self::Serial { path, baud } => write!(f, "serial://{path}?baud={baud}"),
            Self::Memory(name) => write!(f, "mem://{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "tcp://127.0.0.1:5555",
            "serial:///dev/ttyUSB0?baud=9600",
            "mem://printer",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "tcp://host",
            "tcp://:1",
            "tcp://h:70000",
            "serial://tty",
            "serial:///dev/x?speed=1",
            "mem://",
            "http://x",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
