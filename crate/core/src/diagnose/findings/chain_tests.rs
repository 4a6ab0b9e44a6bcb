//! The chain of causes: where it is told, and where it stays silent.

use super::memory_tests::{memory, with};
use super::tests::{ids, machine, only, platform};
use super::*;
use crate::diagnose::{conclusion, story};
use crate::model::{Balloon, BalloonState, HypervisorRole, HypervisorVendor, IntegrationServices};
use crate::model::{Memory, Verdict};

/// A guest that starves: little left, more wanted than there is, a balloon of a third.
fn starving() -> Memory {
    let mut memory = memory(&[
        ("available", 1_500),
        ("committed", 1_400_000),
        ("mdl_pages", 400_000),
    ]);
    memory.balloon = Some(Balloon {
        driver: "dmvsc.sys".into(),
        loaded: Some(true),
        state: BalloonState::NotGivingBack,
        confidence: Confidence::Likely,
        explanation: "The balloon was not giving memory back.".into(),
        ..Balloon::default()
    });
    memory
}

#[test]
fn a_balloon_that_starves_a_guest_is_told_whatever_stopped_it() {
    let m = machine();
    let (starving, mut idle) = (starving(), starving());
    if let Some(balloon) = &mut idle.balloon {
        balloon.state = BalloonState::InUse;
    }
    let (fires, silent) = (with(&m, &starving), with(&m, &idle));
    only("balloon-not-giving-back", &fires, &silent);
    // The stop itself was another matter.
    assert!(story::story(&fires).is_none());
    assert!(!ids(&fires).contains(&"root-cause"));
}

#[test]
fn the_chain_ends_in_the_components_only_where_memory_ran_out() {
    let m = machine();
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let old = IntegrationServices {
        verdict: Verdict::Outdated,
        confidence: Confidence::Likely,
        explanation: "They are older than the host calls for.".into(),
        advice: alloc::vec!["Upgrade them.".into()],
        ..IntegrationServices::default()
    };
    let (short, plenty) = (starving(), memory(&[]));
    let mut fires = with(&m, &short);
    fires.code = 0x7A;
    fires.parameters = [1, 0xC000_009A, 0, 0];
    fires.platform = Some(&guest);
    fires.integration = Some(&old);
    let mut silent = fires;
    silent.code = 0x7B;
    let found = only("root-cause", &fires, &silent);
    assert!(
        found.title.contains("do not fit its host"),
        "{}",
        found.title
    );
    assert_eq!(findings(&fires)[0].id, "root-cause");
    assert!(conclusion(&fires).contains("First step: Upgrade them."));
    // With memory to spare the same status accuses nobody's components.
    fires.memory = Some(&plenty);
    let told = story::story(&fires).unwrap_or_default();
    assert!(
        !told.root_cause.contains("Dynamic Memory"),
        "{}",
        told.root_cause
    );
    // A disk that went away leads, even under a guest that starves.
    fires.memory = Some(&short);
    fires.parameters[1] = 0xC000_000E;
    let told = story::story(&fires).unwrap_or_default();
    assert!(
        told.root_cause.starts_with("The virtual disk"),
        "{}",
        told.root_cause
    );
    assert_eq!(told.confidence, Confidence::Possible);
    // Components that fit are no reason; the host is to be looked at.
    let current = IntegrationServices {
        verdict: Verdict::Current,
        ..old.clone()
    };
    fires.integration = Some(&current);
    fires.parameters[1] = 0xC000_009A;
    let told = story::story(&fires).unwrap_or_default();
    assert!(
        told.root_cause.contains("no reason for that"),
        "{}",
        told.root_cause
    );
    assert_eq!(told.confidence, Confidence::Possible);
}

#[test]
fn without_counters_no_chain_is_told() {
    let m = machine();
    let facts = m.facts(0x7A, [1, 0xC000_009A, 0, 0]);
    assert!(story::story(&facts).is_none());
}
