//! A plain printer of slips.

use super::{FaultText, Line, Wire, fault, till};
use crate::cli::exit::Misuse;
use clap::Args;
use galley_escpos::emulator::EscPosEmulator;
use serde::Deserialize;

/// A plain receipt printer (ESC/POS): prints its paper here
#[derive(Args, Debug)]
pub(super) struct EscPosArgs {
    #[command(flatten)]
    line: Line,
    /// What goes wrong: fault=no_paper, fault=cover_open, fault=silent, fault=paper_ends,lines=3, fault=link_breaks,bytes=60
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
enum Fault {
    NoPaper,
    CoverOpen,
    Silent,
    PaperEnds { lines: u32 },
    LinkBreaks { bytes: usize },
}

pub(super) async fn execute(args: EscPosArgs) -> anyhow::Result<()> {
    let printer = EscPosEmulator::new();
    for text in args.faults {
        let shown = text.0.to_string();
        let fault: Fault =
            serde_json::from_value(text.0).map_err(|e| Misuse(format!("--fault {shown}: {e}")))?;
        match fault {
            Fault::NoPaper => printer.set_paper(false),
            Fault::CoverOpen => printer.set_cover(true),
            Fault::Silent => printer.set_silent(true),
            Fault::PaperEnds { lines } => printer.paper_ends_after(lines),
            Fault::LinkBreaks { bytes } => printer.break_link_after(bytes),
        }
    }
    let paper = printer.clone();
    let wire = args.line.open("slip printer").await?;
    let served = async {
        match wire {
            Wire::Tcp(listener) => printer.serve(listener).await,
            Wire::Pty(mut port) => printer.serve_stream(&mut port.stream).await,
        }
    };
    let last = |n: usize| {
        let lines = paper.paper();
        lines[lines.len().saturating_sub(n)..].to_vec()
    };
    till::serve(served, || paper.printed_lines(), last).await
}
