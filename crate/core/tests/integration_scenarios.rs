//! Invented guests, hosts and machines, and what must be said of each: platform, Integration
//! Services, balloon, chain of causes; and what must not be said. Each scenario lies beside its
//! expectation, which was written before the program was asked, and is tried as a minidump too.

use bluepane::analysis::Analysis;
use bluepane::model::Report;
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};
use serde_json::Value as Json;
use std::path::Path;
use toml::{Table, Value};

fn folder() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../forge/scenarios/integration"
    ))
}

fn report(scenario: &str) -> Report {
    let scenario = Scenario::from_toml(scenario).expect("the scenario");
    let bytes = forge(&scenario).expect("the dump").to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().clone()
}

/// The report as it is published: the words of the closed lists are those that count.
fn json(report: &Report) -> Json {
    serde_json::to_value(report).unwrap()
}

/// The strings of an expectation: one, or a list.
fn strings(table: &Table, name: &str) -> Vec<String> {
    match table.get(name) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect(),
        _ => Vec::new(),
    }
}

struct Check {
    name: String,
    wrong: Vec<String>,
}

impl Check {
    fn equal(&mut self, what: &str, found: &Json, expected: &Table, field: &str) {
        let allowed = strings(expected, field);
        let found = found.as_str().unwrap_or("-").to_owned();
        if !allowed.is_empty() && !allowed.contains(&found) {
            self.wrong
                .push(format!("{}: {what} is {found}, not {allowed:?}", self.name));
        }
    }

    fn holds(&mut self, what: &str, text: &str, parts: &[String]) {
        for part in parts {
            if !text.contains(part.as_str()) {
                self.wrong
                    .push(format!("{}: {what} lacks {part:?}: {text}", self.name));
            }
        }
    }

    fn lacks(&mut self, what: &str, text: &str, parts: &[String]) {
        for part in parts {
            if text.contains(part.as_str()) {
                self.wrong
                    .push(format!("{}: {what} says {part:?}: {text}", self.name));
            }
        }
    }

    fn platform(&mut self, report: &Json, expected: &Table) {
        let platform = &report["platform"];
        let hypervisor = &platform["hypervisor"];
        self.equal("vendor", &hypervisor["vendor"], expected, "vendor");
        self.equal("role", &hypervisor["role"], expected, "role");
        self.equal("role", &hypervisor["role"], expected, "roles");
        if let Some(generation) = expected.get("generation").and_then(Value::as_integer)
            && platform["vm_generation"].as_i64() != Some(generation)
        {
            let found = &platform["vm_generation"];
            self.wrong
                .push(format!("{}: generation {found}", self.name));
        }
        let hosts = strings(expected, "hosts");
        let found = platform["host_generation"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found: Vec<&str> = found.iter().filter_map(Json::as_str).collect();
        if !hosts.is_empty() && found != hosts {
            self.wrong
                .push(format!("{}: hosts {found:?}, not {hosts:?}", self.name));
        }
    }

    fn services(&mut self, report: &Json, expected: &Table) {
        let found = &report["integration_services"];
        self.equal("verdict", &found["verdict"], expected, "verdict");
        self.equal(
            "confidence of the verdict",
            &found["confidence"],
            expected,
            "confidence",
        );
        let steps = found["advice"].to_string();
        self.holds("the steps", &steps, &strings(expected, "steps"));
    }

    fn balloon(&mut self, report: &Json, expected: Option<&Table>) {
        let balloon = &report["memory"]["balloon"];
        match expected {
            Some(expected) => {
                self.equal("balloon", &balloon["state"], expected, "state");
                let sure = &balloon["confidence"];
                self.equal("confidence of the balloon", sure, expected, "confidence");
            }
            None if balloon.is_null() => {}
            None => self.wrong.push(format!("{}: balloon {balloon}", self.name)),
        }
    }

    /// What the whole report says, or must say nowhere: as text, which is what people read.
    fn page(&mut self, report: &Report, expected: Option<&Table>) {
        let Some(expected) = expected else { return };
        let text = bluepane::report::text(report);
        // The scenario's own values may name what the report must not.
        self.holds("the report", &text, &strings(expected, "says"));
        for part in strings(expected, "never") {
            for line in text.lines().filter(|line| line.contains(&part)) {
                self.wrong
                    .push(format!("{}: the report says {part:?}: {line}", self.name));
            }
        }
    }

    fn story(&mut self, report: &Json, expected: Option<&Table>) {
        let story = &report["story"];
        let Some(expected) = expected else {
            if !story.is_null() {
                self.wrong.push(format!(
                    "{}: a story is told: {}",
                    self.name, story["summary"]
                ));
            }
            return;
        };
        self.equal(
            "confidence of the story",
            &story["confidence"],
            expected,
            "confidence",
        );
        let root = story["root_cause"].as_str().unwrap_or_default().to_owned();
        self.holds("the cause", &root, &strings(expected, "root"));
        self.lacks("the cause", &root, &strings(expected, "never"));
        let summary = report["summary"].as_str().unwrap_or_default().to_owned();
        self.lacks("the summary", &summary, &strings(expected, "never"));
        let steps = story["advice"].to_string();
        self.holds("the advice", &steps, &strings(expected, "steps"));
        self.lacks("the advice", &steps, &strings(expected, "never"));
        let others = story["alternatives"].to_string();
        self.holds(
            "the alternatives",
            &others,
            &strings(expected, "alternatives"),
        );
        let links = story["links"].as_array().map_or(0, Vec::len);
        if links < 2 {
            self.wrong.push(format!("{}: {links} links", self.name));
        }
        for link in story["links"].as_array().into_iter().flatten() {
            let said = link["text"].as_str().unwrap_or_default();
            let unsure = link["confidence"] == "possible";
            if said.is_empty() || (link["evidence"].is_null() && !unsure) {
                self.wrong
                    .push(format!("{}: a link without evidence: {link}", self.name));
            }
        }
    }
}

/// Scenario and expectation by name: those of this matter, and the three tellings of the
/// reference case.
fn cases() -> Vec<(String, String, Table)> {
    let mut cases = Vec::new();
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|end| end != "expect") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let expected = std::fs::read_to_string(&path).unwrap();
        // The tellings of the reference case lie with the other kernel dumps.
        let beside = path.with_extension("toml");
        let elsewhere = folder().join(format!("../kernel/{name}.toml"));
        let scenario = std::fs::read_to_string(beside);
        let scenario = scenario.or_else(|_| std::fs::read_to_string(elsewhere));
        cases.push((name, scenario.unwrap(), expected.parse().unwrap()));
    }
    cases.sort_by(|a: &(String, _, _), b| a.0.cmp(&b.0));
    assert!(cases.len() >= 120, "{}", cases.len());
    cases
}

fn part<'a>(expected: &'a Table, name: &str) -> Option<&'a Table> {
    expected.get(name).and_then(Value::as_table)
}

#[test]
fn each_scenario_is_told_as_it_was_written_down() {
    let mut wrong = Vec::new();
    for (name, scenario, expected) in cases() {
        let whole = report(&scenario);
        let report = json(&whole);
        let mut check = Check {
            name,
            wrong: Vec::new(),
        };
        check.platform(&report, part(&expected, "platform").unwrap());
        check.services(&report, part(&expected, "services").unwrap());
        check.balloon(&report, part(&expected, "balloon"));
        check.story(&report, part(&expected, "story"));
        check.page(&whole, part(&expected, "page"));
        wrong.extend(check.wrong);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn as_a_minidump_each_says_no_more_than_a_minidump_can() {
    let mut wrong = Vec::new();
    for (name, scenario, expected) in cases() {
        let kinds = ["bitmap-kernel", "kernel-summary", "automatic"];
        let small = kinds.iter().fold(scenario.clone(), |text, kind| {
            text.replace(&format!("kind = \"{kind}\""), "kind = \"triage\"")
        });
        assert!(small != scenario, "{name}");
        let whole = report(&small);
        let report = json(&whole);
        let mut check = Check {
            name: format!("{name} (minidump)"),
            wrong: Vec::new(),
        };
        let never = part(&expected, "page").and_then(|page| page.get("never"));
        let never = never.map(|list| Table::from_iter([("never".to_owned(), list.clone())]));
        check.page(&whole, never.as_ref());
        let expected = part(&expected, "minidump").unwrap();
        check.platform(&report, expected);
        let found = &report["integration_services"];
        check.equal("verdict", &found["verdict"], expected, "verdicts");
        check.story(&report, None);
        if !report["memory"]["balloon"].is_null() {
            check.wrong.push(format!("{}: a balloon", check.name));
        }
        wrong.extend(check.wrong);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
