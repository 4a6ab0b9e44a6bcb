//! What the chain of causes ends in, and a balloon that starves a guest whatever stopped it.

use super::{Finding, finding};
use crate::diagnose::facts::Facts;
use crate::diagnose::story;
use crate::model::{BalloonState, HypervisorVendor};

pub(super) fn root_cause(facts: &Facts<'_>) -> Option<Finding> {
    story::story(facts).map(|story| story::finding(&story))
}

pub(super) fn balloon(facts: &Facts<'_>) -> Option<Finding> {
    let balloon = facts.memory?.balloon.as_ref()?;
    if balloon.state != BalloonState::NotGivingBack {
        return None;
    }
    let found = finding(
        "balloon-not-giving-back",
        balloon.confidence,
        "The hypervisor held memory of this machine while it starved.",
        balloon.explanation.clone(),
    );
    let hyper_v = facts.platform.map(|p| p.hypervisor.vendor) == Some(HypervisorVendor::HyperV);
    let found = Finding {
        evidence: balloon.evidence.clone(),
        ..found
    };
    Some(match hyper_v {
        true => found.advise(&[
            "On the host compare memory demand, assigned memory and maximum of this machine, and look for Hyper-V-Worker event 3322.",
            "Set the machine's minimum memory near to what it needs at its peak, or give it static memory.",
        ]),
        false => found.advise(&[
            "On the host look at this machine's memory limit, its reservation and its ballooned memory; raise the reservation or remove the limit.",
        ]),
    })
}
