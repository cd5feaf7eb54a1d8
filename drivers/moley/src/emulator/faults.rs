//! Bad days, set from outside (klink 5.2).

/// One fault. Those with `op` and `CutFrame` happen once; the others last until cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next command of this kind is carried out, its answer is lost, the link stays.
    LoseAnswer {
        /// `job.submit` …
        op: String,
    },
    /// The link breaks before the next command of this kind is carried out.
    CutBeforeAct {
        /// `job.submit` …
        op: String,
    },
    /// The next command of this kind is carried out, then the link breaks without an answer.
    CutAfterAct {
        /// `job.submit` …
        op: String,
    },
    /// The power fails at the next command of this kind.
    PowerLoss {
        /// `job.submit` …
        op: String,
        /// After its transaction was written, or before.
        after_commit: bool,
    },
    /// Every frame from the cell comes twice.
    Duplicate,
    /// Every frame from the cell comes so many ms late.
    Delay(u64),
    /// Every n-th frame from the cell is lost.
    DropOut(u32),
    /// Every n-th frame to the cell is lost.
    DropIn(u32),
    /// Neighbouring events from the cell are swapped.
    Reorder,
    /// The next frame from the cell ends in the middle; then the link breaks, or on `cobs` goes on.
    CutFrame,
    /// A bit of every n-th frame from the cell is flipped. On `len32` it hits the first byte of the payload,
    /// as TCP finds all others.
    FlipBit(u32),
    /// Connections are taken, bytes read, nothing is ever answered.
    Silence,
    /// The cell's disk takes no more: `STORAGE_ERROR`.
    DiskFull,
    /// The next critical control point is missed.
    MissControlPoint,
    /// Phases take so many times longer.
    Slow(u32),
}

/// The faults that are set, and their counters.
#[derive(Debug, Default)]
pub(super) struct Faults {
    set: Vec<Fault>,
    out: u32,
    into: u32,
}

/// What becomes of a frame from the cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    Sent {
        copies: usize,
        late_ms: u64,
        flip: bool,
        cut: bool,
    },
}

impl Faults {
    pub fn set(&mut self, fault: Fault) {
        self.set.push(fault);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn has(&self, fault: &Fault) -> bool {
        self.set.contains(fault)
    }

    /// Uses a one-shot fault up.
    pub fn take(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.set.iter().position(wanted)?;
        Some(self.set.remove(at))
    }

    pub fn slowness(&self) -> u64 {
        self.set
            .iter()
            .find_map(|f| match f {
                Fault::Slow(n) => Some(u64::from(*n).max(1)),
                _ => None,
            })
            .unwrap_or(1)
    }

    /// Whether a frame to the cell is lost.
    pub fn loses_incoming(&mut self) -> bool {
        self.into = self.into.wrapping_add(1);
        let n = self.into;
        self.has(&Fault::Silence)
            || self
                .set
                .iter()
                .any(|f| matches!(f, Fault::DropIn(every) if n.is_multiple_of((*every).max(1))))
    }

    /// What becomes of the next frame from the cell.
    pub fn outgoing(&mut self) -> Fate {
        self.out = self.out.wrapping_add(1);
        let n = self.out;
        let nth = |every: u32| n.is_multiple_of(every.max(1));
        let lost = self
            .set
            .iter()
            .any(|f| matches!(f, Fault::DropOut(every) if nth(*every)));
        if lost || self.has(&Fault::Silence) {
            return Fate::Lost;
        }
        let late_ms = self.set.iter().map(|f| match f {
            Fault::Delay(ms) => *ms,
            _ => 0,
        });
        Fate::Sent {
            late_ms: late_ms.max().unwrap_or(0),
            copies: if self.has(&Fault::Duplicate) { 2 } else { 1 },
            flip: self
                .set
                .iter()
                .any(|f| matches!(f, Fault::FlipBit(every) if nth(*every))),
            cut: self.take(|f| *f == Fault::CutFrame).is_some(),
        }
    }
}
