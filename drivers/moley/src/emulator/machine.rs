//! The machine's states as data (klink 3.9, after PackML).

use galley_robot::{MachineCommand as C, MachineState as S, Mode};

/// What a command does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Goes to [`target`].
    Go,
    /// It is there already, or on the way.
    Already,
    /// Not in this state.
    WrongState,
    /// This mode has no such state.
    WrongMode,
}

/// Judges a command.
#[must_use]
pub fn judge(state: &S, mode: &Mode, command: &C) -> Move {
    let (acting, reached) = goal(command);
    if *state == acting || *state == reached {
        return Move::Already;
    }
    if !accepted(state).contains(command) {
        return Move::WrongState;
    }
    let suspends = matches!(command, C::Suspend | C::Unsuspend);
    match mode {
        Mode::Automatic => Move::Go,
        Mode::Maintenance | Mode::Cleaning if !suspends => Move::Go,
        Mode::Manual if matches!(command, C::Abort | C::Clear | C::Stop) => Move::Go,
        _ => Move::WrongMode,
    }
}

/// The acting state a command leads to.
#[must_use]
pub fn target(command: &C) -> S {
    goal(command).0
}

/// Where an acting state ends by itself.
#[must_use]
pub fn completion(state: &S) -> Option<S> {
    Some(match state {
        S::Resetting => S::Idle,
        S::Starting | S::Unholding | S::Unsuspending => S::Execute,
        S::Holding => S::Held,
        S::Suspending => S::Suspended,
        S::Completing => S::Completed,
        S::Stopping | S::Clearing => S::Stopped,
        S::Aborting => S::Aborted,
        _ => return None,
    })
}

/// Whether jobs may be handed over.
#[must_use]
pub fn takes_jobs(state: &S) -> bool {
    !matches!(
        state,
        S::Completing
            | S::Completed
            | S::Stopping
            | S::Aborting
            | S::Aborted
            | S::Clearing
            | S::Undefined
            | S::Other(_)
    )
}

/// Whether begun dishes go on.
#[must_use]
pub fn works(state: &S) -> bool {
    matches!(state, S::Execute | S::Completing | S::Stopping)
}

fn goal(command: &C) -> (S, S) {
    match command {
        C::Reset => (S::Resetting, S::Idle),
        C::Start => (S::Starting, S::Execute),
        C::Stop => (S::Stopping, S::Stopped),
        C::Hold => (S::Holding, S::Held),
        C::Unhold => (S::Unholding, S::Execute),
        C::Suspend => (S::Suspending, S::Suspended),
        C::Unsuspend => (S::Unsuspending, S::Execute),
        C::Abort => (S::Aborting, S::Aborted),
        C::Clear => (S::Clearing, S::Stopped),
        C::Complete => (S::Completing, S::Completed),
        C::Other(_) => (S::Undefined, S::Undefined),
    }
}

fn accepted(state: &S) -> &'static [C] {
    match state {
        S::Stopped => &[C::Reset, C::Abort],
        S::Idle => &[C::Start, C::Stop, C::Abort],
        S::Starting | S::Unholding | S::Unsuspending | S::Suspending => {
            &[C::Hold, C::Stop, C::Abort]
        }
        S::Execute => &[C::Complete, C::Hold, C::Suspend, C::Stop, C::Abort],
        S::Held => &[C::Unhold, C::Complete, C::Stop, C::Abort],
        S::Suspended => &[C::Unsuspend, C::Hold, C::Complete, C::Stop, C::Abort],
        S::Completed => &[C::Reset, C::Stop, C::Abort],
        S::Resetting | S::Holding | S::Completing => &[C::Stop, C::Abort],
        S::Stopping | S::Clearing => &[C::Abort],
        S::Aborted => &[C::Clear],
        S::Aborting | S::Undefined | S::Other(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_comes_up_and_goes_down_by_the_table() {
        let mut state = S::Stopped;
        for (command, acting, reached) in [
            (C::Reset, S::Resetting, S::Idle),
            (C::Start, S::Starting, S::Execute),
            (C::Hold, S::Holding, S::Held),
            (C::Unhold, S::Unholding, S::Execute),
            (C::Suspend, S::Suspending, S::Suspended),
            (C::Unsuspend, S::Unsuspending, S::Execute),
            (C::Complete, S::Completing, S::Completed),
            (C::Stop, S::Stopping, S::Stopped),
            (C::Abort, S::Aborting, S::Aborted),
            (C::Clear, S::Clearing, S::Stopped),
        ] {
            assert_eq!(
                judge(&state, &Mode::Automatic, &command),
                Move::Go,
                "{command}"
            );
            state = target(&command);
            assert_eq!(state, acting);
            assert_eq!(judge(&state, &Mode::Automatic, &command), Move::Already);
            state = completion(&state).unwrap();
            assert_eq!(state, reached);
        }
    }

    #[test]
    fn what_the_table_does_not_list_is_refused() {
        let auto = Mode::Automatic;
        assert_eq!(judge(&S::Stopped, &auto, &C::Start), Move::WrongState);
        assert_eq!(judge(&S::Aborted, &auto, &C::Reset), Move::WrongState);
        assert_eq!(judge(&S::Aborted, &auto, &C::Stop), Move::WrongState);
        assert_eq!(judge(&S::Stopping, &auto, &C::Hold), Move::WrongState);
        assert_eq!(
            judge(&S::Stopped, &Mode::Manual, &C::Reset),
            Move::WrongMode
        );
        assert_eq!(
            judge(&S::Execute, &Mode::Cleaning, &C::Suspend),
            Move::WrongMode
        );
    }
}
