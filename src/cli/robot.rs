//! `galley robot`: the robot and its jobs.

use super::{
    client::{Door, segment},
    complete,
    exit::{Exit, help},
    output::{Lean, Table, View, facts_of, print, print_json},
    when,
};
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The cooking robot.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley robot status",
    "galley robot jobs",
    "galley robot pause           finishes what is begun, begins nothing new",
    "galley robot resume",
    "galley robot clear --inspected   after an emergency stop, when the cell is free;",
    "galley robot reset               then this, and then: galley robot start",
    "galley robot abort 0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10    gives one dish up",
    "galley robot job ready 0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10",
    "                             a robot without an interface, or one that lost its memory:",
    "                             a person tells"
))]
pub struct RobotArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// How the robot does
    Status,
    /// Dishes in work and waiting
    Jobs,
    /// Begin no more dishes
    Pause,
    /// Go on
    Resume,
    /// Leave a fault or an emergency stop behind; nothing moves yet
    Clear {
        /// You have inspected the cell, and nothing is in the way of the arms
        #[arg(long, required = true)]
        inspected: bool,
    },
    /// Make a stopped robot ready
    Reset,
    /// Let a robot that is ready begin to work
    Start,
    /// Give one job up at its next safe point; its price goes back to the guest
    Abort {
        /// The job
        #[arg(add = ArgValueCompleter::new(complete::jobs))]
        id: String,
    },
    /// Tell what became of a job, when the robot itself can't
    Job {
        /// What became of it
        what: What,
        /// The job
        #[arg(add = ArgValueCompleter::new(complete::jobs))]
        id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The robot has begun
    Started,
    /// The dish stands on the hand-over place
    Ready,
    /// The dish will not come
    Problem,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: RobotArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let nothing = json!({});
    let (answer, said) = match args.act {
        Act::Status => {
            let answer = client.get("/robot/status").await?;
            when::told(&client).await;
            let text = facts_of(&answer);
            (answer, text)
        }
        Act::Jobs => {
            let answer = client.get("/robot/jobs").await?;
            let text = jobs(&answer);
            (answer, text)
        }
        Act::Pause => (
            client.post("/robot/pause", &nothing).await?,
            "the robot begins no more dishes\n".to_owned(),
        ),
        Act::Resume => {
            args.door.confirm(
                "The robot goes on where it stopped: its arms move. Nobody may be in the cell.",
            )?;
            (
                client.post("/robot/resume", &nothing).await?,
                "the robot goes on\n".to_owned(),
            )
        }
        Act::Clear { inspected } => {
            args.door.confirm("The robot leaves its stop behind. You say that the cell was inspected and is free.")?;
            (
                client
                    .post("/robot/clear", &json!({"inspected": inspected}))
                    .await?,
                "asked; when galley robot status says stopped: galley robot reset\n".to_owned(),
            )
        }
        Act::Reset => {
            args.door.confirm("The robot makes itself ready; arms may move to their places. Nobody may be in the cell.")?;
            (
                client.post("/robot/reset", &nothing).await?,
                "asked; when galley robot status says idle: galley robot start\n".to_owned(),
            )
        }
        Act::Start => {
            args.door.confirm(
                "The robot begins to cook what waits: its arms move. Nobody may be in the cell.",
            )?;
            (
                client.post("/robot/start", &nothing).await?,
                "asked; see galley robot status\n".to_owned(),
            )
        }
        Act::Abort { id } => {
            args.door.confirm(&format!(
                "Job {id} is given up at its next safe point. The dish is not cooked again: its price goes back to \
                 the guest, and what was used of it is waste."
            ))?;
            (
                client
                    .post(&format!("/robot/jobs/{}/abort", segment(&id)), &nothing)
                    .await?,
                "asked; see galley robot jobs\n".to_owned(),
            )
        }
        Act::Job { what, id } => {
            let word = match what {
                What::Started => "started",
                What::Ready => "ready",
                What::Problem => "problem",
            };
            if matches!(what, What::Problem) {
                args.door.confirm(&format!(
                    "Job {id} counts as failed: the dish is cooked again, or its price goes back."
                ))?;
            }
            let path = format!("/robot/jobs/{}/{word}", segment(&id));
            (
                client.post(&path, &nothing).await?,
                format!("job {id}: {word}\n"),
            )
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

fn jobs(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("JOB", Lean::Left),
        ("STATE", Lean::Left),
        ("DONE", Lean::Right),
        ("ORDER", Lean::Left),
        ("RECIPE", Lean::Left),
    ]);
    for job in View(answer).each("jobs") {
        let done = job
            .number("progress_pm")
            .map_or_else(|| "-".to_owned(), |pm| format!("{}%", pm / 10));
        table.row([
            job.text("job_id"),
            job.text("state"),
            done,
            job.text("order_ref"),
            job.text("recipe.id"),
        ]);
    }
    if table.is_empty() {
        return "no jobs\n".to_owned();
    }
    table.render()
}
