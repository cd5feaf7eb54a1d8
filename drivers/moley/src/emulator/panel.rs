//! What people and circuits do at the cell itself: the red button, the door, the key switch, and questions
//! that wait for an answer (klink 3.10, 3.14).

use super::{
    kitchen::Kitchen,
    machine,
    state::{Change, MachineNow},
};
use galley_robot::{
    Attention, AttentionCleared, Choice, Control, Event, MachineControl, MachineState, Safety,
    Salvage,
};

impl Kitchen {
    pub fn safety(&self) -> Safety {
        let m = &self.state.machine;
        let moving = !matches!(
            m.state,
            MachineState::Stopped
                | MachineState::Aborted
                | MachineState::Aborting
                | MachineState::Undefined
        );
        Safety {
            estop: if m.estop { "pressed" } else { "released" }.into(),
            pstop: false,
            guard: if m.guard_open { "open" } else { "closed" }.into(),
            drives: moving && !m.estop,
            src: m.estop.then(|| "ES1".to_owned()),
        }
    }

    pub fn set_estop(&mut self, pressed: bool) {
        if self.state.machine.estop == pressed {
            return;
        }
        let machine = MachineNow {
            estop: pressed,
            ..self.state.machine.clone()
        };
        self.put(Change::Machine(Box::new(machine)));
        let mut safety = self.safety();
        safety.src = Some("ES1".into());
        self.auto_rise = false;
        if pressed {
            safety.drives = false;
        }
        self.emit(&Event::Safety(safety));
        let resting = matches!(
            self.state.machine.state,
            MachineState::Aborting | MachineState::Aborted
        );
        if pressed && !resting {
            self.go(MachineState::Aborting, "estop");
            self.fail_all("ESTOP", Salvage::Inspect);
        }
        self.commit();
    }

    pub fn set_guard(&mut self, open: bool) {
        if self.state.machine.guard_open == open {
            return;
        }
        let machine = MachineNow {
            guard_open: open,
            ..self.state.machine.clone()
        };
        self.put(Change::Machine(Box::new(machine)));
        let safety = self.safety();
        self.emit(&Event::Safety(safety));
        if open {
            self.hold("fault");
        }
        self.commit();
    }

    pub fn set_control(&mut self, control: Control) {
        if self.state.machine.control != control {
            self.emit(&Event::MachineControl(MachineControl {
                to: control.clone(),
            }));
            let machine = MachineNow {
                control,
                ..self.state.machine.clone()
            };
            self.put(Change::Machine(Box::new(machine)));
            self.commit();
        }
    }

    /// Pauses for an internal cause.
    pub fn hold(&mut self, why: &str) {
        if matches!(
            self.state.machine.state,
            MachineState::Execute
                | MachineState::Starting
                | MachineState::Unholding
                | MachineState::Unsuspending
        ) {
            self.go(MachineState::Holding, why);
        }
    }

    /// Asks a person; the job waits.
    pub fn raise(&mut self, code: &str, job_id: &str, bin: Option<String>, options: &[Choice]) {
        let n = self.next_number();
        let attention = Attention {
            attn: format!("A{n}"),
            code: code.to_owned(),
            job_id: Some(job_id.to_owned()),
            bin,
            text_key: code.to_lowercase(),
            options: options.to_vec(),
            default: Some(Choice::Abort),
            timeout_ms: Some(self.config.attention_ms),
        };
        let until = self.now() + self.config.attention_ms;
        self.attention_until.insert(attention.attn.clone(), until);
        self.emit(&Event::AttentionRaised(attention.clone()));
        self.put(Change::Attention(Box::new(attention)));
        if let Some(running) = self.running.get_mut(job_id) {
            running.stuck = true;
        }
        self.hold("fault");
        self.freeze(!machine::works(&self.state.machine.state));
    }

    pub fn clear_attention(&mut self, attn: &str, choice: Option<Choice>, by: &str) {
        self.attention_until.remove(attn);
        self.emit(&Event::AttentionCleared(AttentionCleared {
            attn: attn.to_owned(),
            choice,
            by: Some(by.to_owned()),
        }));
        self.put(Change::AttentionGone(attn.to_owned()));
    }

    /// Carries out what a person answered.
    pub fn answer_attention(&mut self, attn: &str, choice: &Choice, by: &str) {
        let Some(attention) = self.state.attentions.get(attn).cloned() else {
            return;
        };
        self.clear_attention(attn, Some(choice.clone()), by);
        let Some(job_id) = attention.job_id else {
            return;
        };
        match choice {
            Choice::Abort => self.fail(&job_id, &attention.code, Salvage::Discard),
            Choice::Skip => {
                let uses = self.uses_of_phase(&job_id);
                if let Some(running) = self.running.get_mut(&job_id) {
                    running.dispensed = uses;
                }
                self.unstick(&job_id);
            }
            _ => self.unstick(&job_id),
        }
    }

    /// The job's phase begins again; what was dispensed stays dispensed.
    fn unstick(&mut self, job_id: &str) {
        if let Some(running) = self.running.get_mut(job_id) {
            running.stuck = false;
            running.active = false;
            running.frozen_at = None;
        }
        self.version += 1;
    }

    /// A person at the robot's own panel frees everything and goes on.
    pub fn panel_resume(&mut self) {
        self.jam = false;
        for attn in self.state.attentions.keys().cloned().collect::<Vec<_>>() {
            self.answer_attention(&attn, &Choice::Retry, "panel");
        }
        self.advance();
        // Pressed while the arm still comes to rest.
        if self.state.machine.state == MachineState::Holding {
            self.go(MachineState::Held, "sc");
        }
        if self.state.machine.state == MachineState::Held && !self.state.machine.guard_open {
            self.go(MachineState::Unholding, "cmd");
        }
        self.commit();
    }
}
