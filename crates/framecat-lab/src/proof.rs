//! What the tests of every group share: false evidence must turn a verdict, and no number may be told
//! that the evidence does not hold.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::law::{Law, laws, run, select};
use crate::page::Part;

/// The law of that name.
pub(crate) fn law(id: &str) -> &'static Law {
    laws().iter().find(|law| law.id == id).expect("the law is in the table")
}

/// Evidence of these figures (a JSON object), without scenes.
pub(crate) fn evidence(figures: Value) -> Evidence {
    let Value::Object(figures) = figures else { panic!("figures are an object") };
    Evidence { figures, scenes: Vec::new() }
}

/// The evidence of a true run is shown, and each lie alone turns the verdict.
pub(crate) fn every_lie_is_not_shown(id: &str, figures: &Value, lies: &[(&str, Value)]) {
    let law = law(id);
    let truth = (law.judge)(&evidence(figures.clone()));
    assert!(truth.is_shown(), "{id}: the true evidence: {truth:?}");
    for (name, value) in lies {
        let mut evidence = evidence(figures.clone());
        assert!(evidence.figures.contains_key(*name), "{id}: {name}");
        evidence.set(name, value.clone());
        assert!(!(law.judge)(&evidence).is_shown(), "{id}: {name} = {value}");
    }
}

/// The whole numbers in a text.
pub(crate) fn numbers(text: &str) -> Vec<String> {
    let pieces = text.split(|letter: char| !letter.is_ascii_digit());
    pieces.filter(|piece| !piece.is_empty()).map(String::from).collect()
}

/// Gives every figure a value that no text would hit by chance: then each number in the sentences and
/// tables must be one of them, or `made` from them. `names` are names with digits in them
/// (`uint64_t`), which are no figures.
pub(crate) fn every_number_is_a_figure(
    id: &str,
    figures: &Value,
    names: &[&str],
    made: impl Fn(&str, &Evidence) -> bool,
) {
    let law = law(id);
    let mut evidence = evidence(figures.clone());
    let mut strange = 700_001;
    for (_, value) in &mut evidence.figures {
        if value.is_u64() {
            strange += 1_009;
            *value = json!(strange);
        }
    }
    let seen = numbers(&serde_json::to_string(&evidence.figures).expect("figures are JSON"));
    let check = |text: &str| {
        let bare = names.iter().fold(text.to_string(), |text, name| text.replace(name, ""));
        for number in numbers(&bare) {
            assert!(
                seen.contains(&number) || made(&number, &evidence),
                "{id}: {number} in: {text}"
            );
        }
    };
    for part in (law.done)(&evidence) {
        match part {
            Part::Say(say) => [&say.en, &say.zh].into_iter().for_each(|text| check(text)),
            Part::Counts(_, rows) => {
                for (label, cells) in rows {
                    [&label.en, &label.zh].into_iter().chain(&cells).for_each(|text| check(text));
                }
            }
            Part::Calls(_) | Part::Bytes(_) => {}
        }
    }
}

/// Every law of the group, twenty times in a row on this machine's kernel, is shown.
pub(crate) fn shown_twenty_times(group: &str) {
    for law in select(&[group.into()]).expect("it is a group") {
        for n in 1..=20 {
            let outcome = run(law);
            assert!(outcome.result.is_shown(), "{} run {n}: {:?}", law.id, outcome.result);
        }
    }
}

/// Each of these laws, twenty times in a row on this machine's kernel, is shown.
pub(crate) fn laws_are_shown_twenty_times(ids: &[&str]) {
    for id in ids {
        for n in 1..=20 {
            let outcome = run(law(id));
            assert!(outcome.result.is_shown(), "{id} run {n}: {:?}", outcome.result);
        }
    }
}

/// A run notes every figure that the tests lie about.
pub(crate) fn the_run_notes_these_figures(id: &str, figures: &Value) {
    let noted = run(law(id)).evidence;
    for name in evidence(figures.clone()).figures.keys() {
        assert!(noted.contains_key(name), "{id} notes no {name}: {noted:?}");
    }
}
