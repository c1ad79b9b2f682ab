//! A real SSH server behind a proxy that cuts, stalls and half-closes at random bytes. Whatever the connection goes
//! through: each step ends as it ended on the server, with all that it printed, each line once, and was done once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::access::OwnedServer;
use domain::queue::{self, Claim, Ending, Outcome, PlannedStep};
use provisioner::plan::{Plan, Step};
use provisioner::run::Run;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use ssh::{Client, Script, Target, generate_key};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::cutting_proxy::{Direction, Due, Proxy, Trouble};
use crate::panel::{Content, TestPanel};
use crate::sshd::{Sshd, own_user};

/// What is true of a step is known beforehand: how many lines it prints, how it ends, what it leaves behind.
const SCRIPT: Script = Script::new(
    r#"read -r folder
read -r name
read -r lines
read -r code
echo done >>"$folder/done-$name"
line=0
while [ "$line" -lt "$lines" ]; do
  line=$((line + 1))
  echo "line $line of $name"
  [ $((line % 40)) -ne 0 ] || sleep 0.02
done
printf 'the end'
exit "$code"
"#,
);

const LANES: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn no_cut_stall_or_half_close_makes_a_wrong_verdict() {
    if own_user() != "root" {
        eprintln!("left out: a detached step needs root on the machine that it runs on");
        return;
    }
    let cycles = number("BROKEFORGE_CUTS").unwrap_or(40);
    let seed = number("BROKEFORGE_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("BROKEFORGE_CUTS={cycles} BROKEFORGE_SEED={seed}");
    let sshd = Sshd::start_with(
        "SetEnv HOME={folder}/home BROKEFORGE_STEPS={folder}/home/steps\nMaxStartups 200\nMaxSessions 100\n",
    );
    let key = generate_key("test").unwrap();
    sshd.authorize(&key);
    let world = Arc::new(World {
        panel: TestPanel::new().await,
        claiming: Mutex::new(()),
        home: sshd.home.clone(),
        troubles: AtomicU32::new(0),
    });
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let target = sshd.target(&key).await;
        let share = (0..cycles).filter(|cycle| cycle % LANES == lane).collect();
        lanes.spawn(work_off(Arc::clone(&world), lane, seed, share, target));
    }
    while let Some(ended) = lanes.join_next().await {
        ended.unwrap();
    }
    let troubles = world.troubles.load(Ordering::Relaxed);
    eprintln!(
        "cycles={cycles} troubles={troubles} logins={}",
        sshd.logins()
    );
    assert!(u64::from(troubles) >= cycles, "hardly anything was cut");
}

struct World {
    panel: TestPanel,
    claiming: Mutex<()>,
    home: std::path::PathBuf,
    troubles: AtomicU32,
}

async fn work_off(world: Arc<World>, lane: u64, seed: u64, cycles: Vec<u64>, target: Target) {
    let proxy = Proxy::to(target.port).await;
    let server = world
        .panel
        .server(&format!("web-{lane}"), &format!("198.18.0.{lane}"))
        .await;
    let target = Target {
        server: server.id().0,
        port: proxy.port,
        ..target
    };
    let client = Arc::new(Client::new(ssh::Reach::everywhere()));
    for cycle in cycles {
        let random = StdRng::seed_from_u64(seed.wrapping_add(cycle));
        one_cycle(
            &world, lane, cycle, random, &server, &target, &client, &proxy,
        )
        .await;
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one lane's things, and one cycle's"
)]
async fn one_cycle(
    world: &World,
    lane: u64,
    cycle: u64,
    mut random: StdRng,
    server: &OwnedServer,
    target: &Target,
    client: &Arc<Client>,
    proxy: &Proxy,
) {
    let lines = [0, 1, 40, 200, 600][random.random_range(0..5)];
    let code = [0, 0, 7, 100][random.random_range(0..4)];
    let name = format!("cycle-{cycle}");
    let plan = Plan {
        steps: vec![
            Step::new("Count", SCRIPT, Duration::from_mins(2))
                .with("folder", world.home.display().to_string())
                .with("name", &*name)
                .with("lines", lines.to_string())
                .with("exit code", code.to_string()),
        ],
    };
    let claim = claim(world, server, &plan).await;
    // The connection stands before trouble begins: a server that cannot be reached at first is an answer of its own.
    ssh::Connector::connect(&**client, target).await.unwrap();
    let troubles: Vec<Due> = (0..random.random_range(1..=3))
        .map(|_| trouble(&mut random))
        .collect();
    let planned = troubles.len();
    proxy.plan(troubles.clone());
    let ending = run(world, lane, &claim, &plan, target, client).await;
    let happened = planned - proxy.clear();
    world
        .troubles
        .fetch_add(u32::try_from(happened).unwrap(), Ordering::Relaxed);

    let outcome = ending.outcome.clone();
    // How a failed step ended is stored with the end of its operation.
    claim.finish(&world.panel.panel.db, ending).await.unwrap();

    let told = format!("cycle {cycle}: {troubles:?}, {happened} happened");
    let expected = (1..=lines).fold(String::new(), |text, line| {
        text + &format!("line {line} of {name}\n")
    });
    match &outcome {
        Outcome::Succeeded => assert_eq!(code, 0, "{told}"),
        Outcome::Failed(reason) => {
            assert_ne!(code, 0, "{told}: {reason}");
            let shown = world.panel.show(claim.operation).await;
            let step = &shown.steps[0];
            assert_eq!(
                step.exit,
                Some(format!("exit code {code}")),
                "{told}: {reason}"
            );
        }
        Outcome::Unknown(reason) => panic!("{told}: nobody knows: {reason}"),
        Outcome::Cancelled(by) => panic!("{told}: cancelled by {by}"),
    }
    assert_eq!(
        world.panel.output(claim.operation).await,
        expected + "the end\n",
        "{told}"
    );
    assert_eq!(effect(&world.home, &name), "done\n", "{told}: done once");
}

fn trouble(random: &mut StdRng) -> Due {
    let trouble = [
        Trouble::Cut,
        Trouble::Cut,
        Trouble::Stall,
        Trouble::Pause,
        Trouble::HalfClose,
    ];
    let direction = [Direction::ToServer, Direction::ToPanel];
    // As likely among the first bytes as among the last ones of much output.
    let after = 2_f64.powf(random.random_range(0.0..14.5));
    Due {
        trouble: trouble[random.random_range(0..trouble.len())],
        direction: direction[random.random_range(0..direction.len())],
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below 25000"
        )]
        after: after as usize,
    }
}

/// An operation to run the plan under.
async fn claim(world: &World, server: &OwnedServer, plan: &Plan) -> Claim {
    let panel = &world.panel.panel;
    // Nobody else's is in the queue between the two.
    let _alone = world.claiming.lock().await;
    let id = domain::servers::request_reboot(&panel.db, &world.panel.who, server)
        .await
        .unwrap();
    let claim = queue::claim(panel, "cut").await.unwrap().unwrap();
    assert_eq!(claim.operation, id);
    let step = &plan.steps[0];
    let planned = PlannedStep {
        title: step.title.to_owned(),
        script: step.as_text(),
        fingerprint: step.fingerprint("machine"),
        done_earlier: None,
    };
    claim.plan(&panel.db, vec![planned]).await.unwrap();
    claim
}

async fn run(
    world: &World,
    lane: u64,
    claim: &Claim,
    plan: &Plan,
    target: &Target,
    client: &Arc<Client>,
) -> Ending {
    let (_stay, leaving) = watch::channel(false);
    let run = Run::new(
        &world.panel.panel,
        client.clone(),
        Arc::new(Content),
        claim,
        target.clone(),
        format!("{lane:016x}"),
        leaving,
    );
    let running = tokio::time::timeout(Duration::from_mins(2), run.to_the_end(plan));
    running.await.expect("it comes to an end").unwrap().unwrap()
}

fn effect(home: &Path, name: &str) -> String {
    fs::read_to_string(home.join(format!("done-{name}"))).unwrap_or_default()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
