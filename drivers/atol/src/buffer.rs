//! The printer's task buffer (1.3): what the host may ask of it, what it answers.
//!
//! The buffer outlives the connection. Its results are kept by task id until the host acknowledges or aborts.

/// A host's command to the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostCommand {
    /// C1: queue a task.
    Add {
        /// Bits of [`flags`].
        flags: u8,
        /// The host's id of the task.
        tid: u8,
        /// `PASSWORD(2) COMMAND(1) PARAMETERS`.
        task: Vec<u8>,
    },
    /// C2: the result is known, forget it.
    Ack(u8),
    /// C3: how is the task?
    Req(u8),
    /// C4: forget everything that isn't running.
    Abort,
    /// C5: acknowledge one task and add another. \[memory\]: no host was ever seen to send it.
    AckAdd {
        /// The task that is acknowledged.
        ack: u8,
        /// Bits of [`flags`].
        flags: u8,
        /// The host's id of the new task.
        tid: u8,
        /// The new task.
        task: Vec<u8>,
    },
}

/// Flags of [`HostCommand::Add`].
pub mod flags {
    /// Keep the result until it is acknowledged.
    pub const NEED_RESULT: u8 = 0x01;
    /// Go on with the queue when this task fails.
    pub const IGNORE_ERROR: u8 = 0x02;
    /// A long-lived task, through which the device pushes data.
    pub const WAIT_ASYNC_DATA: u8 = 0x04;
}

impl HostCommand {
    /// The data of the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Add { flags, tid, task } => [&[0xC1, *flags, *tid], task.as_slice()].concat(),
            Self::Ack(tid) => vec![0xC2, *tid],
            Self::Req(tid) => vec![0xC3, *tid],
            Self::Abort => vec![0xC4],
            Self::AckAdd {
                ack,
                flags,
                tid,
                task,
            } => [&[0xC5, *ack, *flags, *tid], task.as_slice()].concat(),
        }
    }

    /// Reads the data of a frame; `None` is what the device answers with [`Status::IllegalValue`].
    #[must_use]
    pub fn decode(data: &[u8]) -> Option<Self> {
        match *data {
            [0xC1, flags, tid, ref task @ ..] => Some(Self::Add {
                flags,
                tid,
                task: task.to_vec(),
            }),
            [0xC2, tid] => Some(Self::Ack(tid)),
            [0xC3, tid] => Some(Self::Req(tid)),
            [0xC4] => Some(Self::Abort),
            [0xC5, ack, flags, tid, ref task @ ..] => Some(Self::AckAdd {
                ack,
                flags,
                tid,
                task: task.to_vec(),
            }),
            _ => None,
        }
    }
}

/// The device's status of a task or of a command to the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A1: queued.
    Pending,
    /// A2: running.
    InProgress,
    /// A3: done, with the task's answer; without data to Ack and Abort.
    Result(Vec<u8>),
    /// A4: failed, with the task's answer.
    Error(Vec<u8>),
    /// A5: not carried out, because an earlier task had failed; with that task's answer.
    Stopped(Vec<u8>),
    /// A6: done, sent unasked.
    AsyncResult {
        /// Which task.
        tid: u8,
        /// Its answer.
        answer: Vec<u8>,
    },
    /// A7: failed, sent unasked.
    AsyncError {
        /// Which task.
        tid: u8,
        /// Its answer.
        answer: Vec<u8>,
    },
    /// A8: waits for an external device. \[source: atol4j\]
    Waiting,
    /// B1: the queue is full.
    Overflow,
    /// B2: a task of that id is in the buffer.
    AlreadyExists,
    /// B3: no such task.
    NotFound,
    /// B4: malformed command.
    IllegalValue,
}

impl Status {
    /// The data of the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let with = |code: u8, answer: &[u8]| [&[code], answer].concat();
        match self {
            Self::Pending => vec![0xA1],
            Self::InProgress => vec![0xA2],
            Self::Result(answer) => with(0xA3, answer),
            Self::Error(answer) => with(0xA4, answer),
            Self::Stopped(answer) => with(0xA5, answer),
            Self::AsyncResult { tid, answer } => [&[0xA6, *tid], answer.as_slice()].concat(),
            Self::AsyncError { tid, answer } => [&[0xA7, *tid], answer.as_slice()].concat(),
            Self::Waiting => vec![0xA8],
            Self::Overflow => vec![0xB1],
            Self::AlreadyExists => vec![0xB2],
            Self::NotFound => vec![0xB3],
            Self::IllegalValue => vec![0xB4],
        }
    }

    /// Reads the data of a frame; surplus bytes are ignored.
    #[must_use]
    pub fn decode(data: &[u8]) -> Option<Self> {
        Some(match *data {
            [0xA1, ..] => Self::Pending,
            [0xA2, ..] => Self::InProgress,
            [0xA3, ref answer @ ..] => Self::Result(answer.to_vec()),
            [0xA4, ref answer @ ..] => Self::Error(answer.to_vec()),
            [0xA5, ref answer @ ..] => Self::Stopped(answer.to_vec()),
            [0xA6, tid, ref answer @ ..] => Self::AsyncResult {
                tid,
                answer: answer.to_vec(),
            },
            [0xA7, tid, ref answer @ ..] => Self::AsyncError {
                tid,
                answer: answer.to_vec(),
            },
            [0xA8, ..] => Self::Waiting,
            [0xB1, ..] => Self::Overflow,
            [0xB2, ..] => Self::AlreadyExists,
            [0xB3, ..] => Self::NotFound,
            [0xB4, ..] => Self::IllegalValue,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_host_command_that_can_be_read_is_written_the_same(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(command) = HostCommand::decode(&data) {
                prop_assert_eq!(command.encode(), data);
            }
        }

        #[test]
        fn a_status_survives_the_wire(tid: u8, answer in proptest::collection::vec(any::<u8>(), 0..40)) {
            for status in [
                Status::Pending, Status::InProgress, Status::Waiting, Status::Overflow,
                Status::AlreadyExists, Status::NotFound, Status::IllegalValue,
                Status::Result(answer.clone()), Status::Error(answer.clone()), Status::Stopped(answer.clone()),
                Status::AsyncResult { tid, answer: answer.clone() }, Status::AsyncError { tid, answer: answer.clone() },
            ] {
                prop_assert_eq!(Status::decode(&status.encode()), Some(status));
            }
        }
    }
}
