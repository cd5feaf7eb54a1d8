//! One cell: a store of its own, the act, one fault at one point, and the judgement.

use super::{
    act::{Act, Scene},
    fault::{Calm, Fault},
    judge,
};
use crate::{
    simulate::{
        check::{self, Violation},
        goods::Goods,
        people::Staff,
        plan::Ground,
        rig::Rig,
        tell,
    },
    store::Synchronous,
};
use std::time::Duration;
use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, sleep},
};

/// When everything works again, the store must have settled everything within this time.
const SETTLE: Duration = Duration::from_mins(20);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How a cell is lived.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) act: Act,
    /// And at which point.
    pub(super) fault: Option<(Fault, u64)>,
    pub(super) seed: u64,
    pub(super) synchronous: Synchronous,
    /// The story is told even where all holds.
    pub(super) tell: bool,
}

/// What became of a cell in which the fault did strike.
pub(super) struct Fate {
    pub(super) violations: Vec<Violation>,
    pub(super) story: Vec<String>,
    /// What the outside saw, where nothing went wrong.
    calm: Calm,
}

/// Lives the act without a fault and measures it.
///
/// # Errors
/// When it does not hold even so.
pub(super) fn measure(way: Way) -> Result<Calm, Vec<Violation>> {
    match live(way) {
        Some(fate) if fate.violations.is_empty() => Ok(fate.calm),
        Some(fate) => Err(fate.violations),
        None => Ok(Calm::default()),
    }
}

/// Lives a cell; none when the act was over before the fault could strike.
pub(super) fn live(way: Way) -> Option<Fate> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the machine");
    runtime.block_on(LocalSet::new().run_until(whole(way)))
}

async fn whole(way: Way) -> Option<Fate> {
    let rig = match Rig::build(way.seed, Ground::default(), way.synchronous).await {
        Ok(rig) => rig,
        Err(error) => return Some(failed("the simulator", format!("{error:#}"))),
    };
    let mut keepers = JoinSet::new();
    keepers.spawn_local(rig.clone().keep_running());
    keepers.spawn_local(Staff::new(rig.clone()).live());
    rig.power_on();
    let fate = lived(&rig, way, &mut keepers).await;
    // The rig's parts hold each other: what isn't ended is kept for as long as the matrix runs.
    keepers.shutdown().await;
    rig.end().await;
    fate
}

async fn lived(rig: &Rig, way: Way, keepers: &mut JoinSet<()>) -> Option<Fate> {
    let mut scene = match Scene::prepare(rig.clone(), way.act).await {
        Ok(scene) => scene,
        Err(what) => return Some(failed("the simulator", format!("not prepared: {what}"))),
    };
    let (crashes, before) = (rig.crashes(), Calm::read(rig));
    if let Some((fault, ahead)) = way.fault {
        scene.robot_loses_power = fault.takes_the_robots_power();
        fault.arm(rig, way.act, ahead);
        let rig = rig.clone();
        keepers.spawn_local(async move {
            while !fault.struck(&rig, crashes) {
                sleep(LOOK).await;
            }
            sleep(fault.lasts()).await;
            Fault::mend(&rig);
        });
    }
    let mut ended = scene.begin().await;
    if ended.is_ok() {
        ended = scene.end().await;
    }
    let calm = Calm::read(rig).since_life(before);
    let struck = way
        .fault
        .is_none_or(|(fault, _)| fault.struck(rig, crashes));
    if let Some((fault, _)) = way.fault {
        if !struck {
            return None;
        }
        // What has struck at the very end is to last as long as it would.
        sleep(fault.lasts() + LOOK).await;
        Fault::mend(rig);
    }
    if ended.is_ok() {
        ended = scene.finish().await;
    }
    let mut violations = match ended {
        Ok(()) => judged(&scene)
            .await
            .unwrap_or_else(|what| vec![hangs(what)]),
        Err(what) => vec![hangs(what)],
    };
    violations.sort();
    let story = if violations.is_empty() && !way.tell {
        Vec::new()
    } else {
        tell::story(rig, &violations).await
    };
    Some(Fate {
        violations,
        story,
        calm,
    })
}

/// Judges the act itself, lets the day end, and judges the whole store.
async fn judged(scene: &Scene) -> Result<Vec<Violation>, String> {
    quiet(&scene.rig).await?;
    scene.until_back().await?;
    let mut violations = judge::judge(scene).await;
    scene.close_the_day().await?;
    quiet(&scene.rig).await?;
    violations.extend(check::check(&scene.rig, &[], &Goods::default()).await);
    Ok(violations)
}

async fn quiet(rig: &Rig) -> Result<(), String> {
    let until = Instant::now() + SETTLE;
    while let Some(what) = check::unsettled(rig).await {
        if Instant::now() >= until {
            return Err(format!(
                "{} minutes after everything works again, this is still under way: {what}",
                SETTLE.as_secs() / 60
            ));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

fn hangs(what: String) -> Violation {
    Violation {
        invariant: "nothing hangs",
        what,
        order: None,
    }
}

fn failed(invariant: &'static str, what: String) -> Fate {
    Fate {
        violations: vec![Violation {
            invariant,
            what,
            order: None,
        }],
        story: Vec::new(),
        calm: Calm::default(),
    }
}
