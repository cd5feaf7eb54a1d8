//! Enumerations of the wire. A value that this release doesn't know is kept as text, never dropped and never
//! taken for a success (klink 3.3).

/// Declares an enumeration of lower-snake-case words with a variant `Other` for words of newer cells.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A word this release doesn't know: needs attention.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(text.as_str()))
            }
        }
    };
}

words! {
    /// Where a job stands (klink 3.10). `done`, `aborted` and `failed` are final.
    JobState {
        /// Stored at the cell, not begun.
        Queued = "queued",
        /// The arm has started.
        Preparing = "preparing",
        /// Heat or assembly.
        Cooking = "cooking",
        /// The dish stands on a hand-over place and the arm is clear.
        Plated = "plated",
        /// Taken or discarded.
        Done = "done",
        /// Ended on demand before it was plated.
        Aborted = "aborted",
        /// Ended by a fault; see the reason.
        Failed = "failed",
    }
}

impl JobState {
    /// Whether nothing more can happen to the job.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done | Self::Aborted | Self::Failed)
    }

    /// Whether the robot works on it now.
    #[must_use]
    pub fn in_work(&self) -> bool {
        matches!(self, Self::Preparing | Self::Cooking)
    }
}

words! {
    /// What a job is for.
    JobKind {
        /// One dish.
        Cook = "cook",
        /// A cleaning programme.
        Clean = "clean",
        /// A technician's job.
        Maint = "maint",
    }
}

words! {
    /// When a job may begin.
    Release {
        /// As soon as its turn comes.
        Auto = "auto",
        /// Only after `job.start`.
        Hold = "hold",
    }
}

words! {
    /// How an abort ends the work.
    AbortHow {
        /// At the next safe point.
        SafePoint = "safe_point",
        /// At once.
        Now = "now",
    }
}

words! {
    /// What became of a plated dish.
    Outcome {
        /// The guest or the staff took it.
        Collected = "collected",
        /// It was thrown away.
        Discarded = "discarded",
    }
}

words! {
    /// What to do with the food of a failed job.
    Salvage {
        /// Throw it away.
        Discard = "discard",
        /// A person looks and decides.
        Inspect = "inspect",
        /// It may be served.
        Ok = "ok",
    }
}

words! {
    /// Part of the procedure a phase belongs to.
    Stage {
        /// Before heat.
        Preparing = "preparing",
        /// Heat or assembly.
        Cooking = "cooking",
    }
}

words! {
    /// What a phase does.
    PhaseOp {
        /// Takes ingredients from bins.
        Dispense = "dispense",
        /// Moves food between vessels.
        Transfer = "transfer",
        /// Heats.
        Heat = "heat",
        /// Stirs.
        Stir = "stir",
        /// Waits.
        Wait = "wait",
        /// Puts the dish on the hand-over place.
        Plate = "plate",
        /// Cleans.
        Clean = "clean",
        /// Runs an opaque vendor programme.
        Program = "program",
    }
}

words! {
    /// States of the machine: the 17 of PackML (klink 3.9).
    MachineState {
        /// Powered, nothing moves, hobs off.
        Stopped = "stopped",
        /// Homing and self-test.
        Resetting = "resetting",
        /// Ready, cold.
        Idle = "idle",
        /// Warming up.
        Starting = "starting",
        /// Takes jobs from its queue.
        Execute = "execute",
        /// On the way to held.
        Holding = "holding",
        /// Paused for an internal cause: refill, jam, door.
        Held = "held",
        /// On the way back to execute.
        Unholding = "unholding",
        /// On the way to suspended.
        Suspending = "suspending",
        /// Paused for an external cause: no free hand-over place.
        Suspended = "suspended",
        /// On the way back to execute.
        Unsuspending = "unsuspending",
        /// End of shift: finishes work, parks.
        Completing = "completing",
        /// Parked.
        Completed = "completed",
        /// Controlled end.
        Stopping = "stopping",
        /// Fault or emergency stop.
        Aborting = "aborting",
        /// Waits for inspection.
        Aborted = "aborted",
        /// After inspection, back to stopped.
        Clearing = "clearing",
        /// Before the first state after power-up.
        Undefined = "undefined",
    }
}

words! {
    /// Commands to the machine (PackML numbers 1 to 10). None of them is an emergency stop.
    MachineCommand {
        /// Stopped or completed to idle.
        Reset = "reset",
        /// Idle to execute. Staff only.
        Start = "start",
        /// Ends production.
        Stop = "stop",
        /// Pauses.
        Hold = "hold",
        /// Resumes. Staff only.
        Unhold = "unhold",
        /// Pauses for an external cause.
        Suspend = "suspend",
        /// Resumes after an external cause.
        Unsuspend = "unsuspend",
        /// Ends at once.
        Abort = "abort",
        /// Leaves aborted after an inspection. Staff only.
        Clear = "clear",
        /// End of shift.
        Complete = "complete",
    }
}

words! {
    /// What the cell may do (klink 3.8).
    Mode {
        /// Cooks by itself.
        Automatic = "automatic",
        /// Calibration and single tests.
        Maintenance = "maintenance",
        /// Moves from the robot's own panel only.
        Manual = "manual",
        /// Cleaning programmes.
        Cleaning = "cleaning",
    }
}

words! {
    /// Who may make the robot move.
    Control {
        /// This link.
        Remote = "remote",
        /// The robot's own panel.
        Local = "local",
    }
}

words! {
    /// Answers to a call for attention.
    Choice {
        /// Try the phase again.
        Retry = "retry",
        /// Leave the step out.
        Skip = "skip",
        /// Give the job up.
        Abort = "abort",
        /// Go on.
        Continue = "continue",
    }
}

words! {
    /// Smallest units of the stock.
    Unit {
        /// Milligrams.
        Mg = "mg",
        /// Microlitres.
        Ul = "ul",
        /// Pieces.
        Pc = "pc",
    }
}

words! {
    /// How an amount is known.
    QtySource {
        /// Weighed.
        Scale = "scale",
        /// Counted down by recipe amounts: an estimate.
        Planned = "planned",
        /// A person said so.
        Operator = "operator",
        /// Read from the state of a robot without a journal.
        Polled = "polled",
        /// A sensor at the hand-over place.
        Sensor = "sensor",
    }
}

words! {
    /// How a bin is.
    BinState {
        /// Enough.
        Ok = "ok",
        /// To be filled soon.
        Low = "low",
        /// Nothing left.
        Empty = "empty",
        /// Everything in it is past its date.
        Expired = "expired",
        /// In quarantine.
        Locked = "locked",
        /// Mechanically stuck.
        Jammed = "jammed",
        /// Its lid is open.
        Open = "open",
        /// Not there.
        Absent = "absent",
        /// Not known.
        Unknown = "unknown",
    }
}

words! {
    /// Life of a recipe at the cell.
    RecipeState {
        /// Being uploaded.
        Staged = "staged",
        /// Bytes and content checked.
        Verified = "verified",
        /// May be cooked.
        Active = "active",
        /// Not for new jobs.
        Retired = "retired",
        /// Gone.
        Deleted = "deleted",
    }
}
