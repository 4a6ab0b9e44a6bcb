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
fn what_is_in_no_figure_is_named_only_where_locked_pages_are_not_counted() {
    let m = machine();
    let mut memory = memory(&[("available", 1_500), ("committed", 1_400_000)]);
    memory.processes.push(crate::model::Process {
        name: "a.exe".into(),
        working_set_pages: Some(crate::model::Hex(200_000)),
        ..crate::model::Process::default()
    });
    let told = |memory: &Memory| {
        let mut facts = with(&m, memory);
        facts.code = 0x7A;
        facts.parameters = [1, 0xC000_009A, 0, 0];
        story::story(&facts).unwrap_or_default()
    };
    let found = told(&memory);
    assert!(
        found.root_cause.contains("not accounted for"),
        "{}",
        found.root_cause
    );
    assert_eq!(found.confidence, Confidence::Possible);
    // A counter that says that next to nothing is locked ends the guessing.
    let counted = crate::model::Counter {
        pages: Some(crate::model::Hex(3_000)),
        ..crate::model::Counter::default()
    };
    memory.counters.insert("mdl_pages", counted);
    assert!(!told(&memory).root_cause.contains("not accounted for"));
}

#[test]
fn nobody_is_told_to_upgrade_components_that_fit() {
    let m = machine();
    let guest = platform(HypervisorVendor::HyperV, HypervisorRole::Guest);
    let memory = starving();
    let mut facts = with(&m, &memory);
    facts.platform = Some(&guest);
    let says = |facts: &Facts<'_>| {
        let all = findings(facts);
        let locked = all.into_iter().find(|f| f.id == "driver-locked-memory");
        let advice = locked
            .map(|found| found.advice.join(" "))
            .unwrap_or_default();
        assert!(advice.contains("compare assigned memory"), "{advice}");
        advice.contains("Integration Services")
    };
    let judged = |verdict| IntegrationServices {
        verdict,
        ..IntegrationServices::default()
    };
    let (old, fit) = (judged(Verdict::Outdated), judged(Verdict::InBox));
    facts.integration = Some(&fit);
    assert!(!says(&facts));
    facts.integration = Some(&old);
    assert!(says(&facts));
}

#[test]
fn without_counters_no_chain_is_told() {
    let m = machine();
    let facts = m.facts(0x7A, [1, 0xC000_009A, 0, 0]);
    assert!(story::story(&facts).is_none());
}
