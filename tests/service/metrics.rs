//! What the operator is told to watch.

use std::fs;

use crate::support::{Home, JAKARTA, good_body};

/// The names of metrics in a text.
fn names(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut names: Vec<&str> = words.filter(|word| word.starts_with("ceknik") && word.contains('_')).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test]
async fn the_documented_metrics_are_there() {
    let home = Home::published();
    // Each kind of metric has something to count.
    let service = home.open();
    assert_eq!(service.evaluate(JAKARTA, good_body(&home.publisher, 1)).await.status, 200);
    service.get("/nowhere").await.problem(404, "not-found");
    fs::write(home.publisher.dataset_dir(JAKARTA).join("current"), "x").unwrap();
    let counted = |text: &str| text.contains("ceknikd_load_errors_total{");
    service.wait_until("/healthz", |_| counted(&service.state.metrics_text().unwrap())).await;
    let metrics = service.state.metrics_text().unwrap();
    let printed: Vec<&str> = metrics.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    let documented = include_str!("../../docs/operations.md");
    assert!(names(documented).len() >= 10, "{:?}", names(documented));
    for name in names(documented) {
        assert!(printed.contains(&name), "{name} is not in\n{metrics}");
    }
}

/// An alert on growth sees the first time too: what can be counted stands there as zero from the start.
#[tokio::test]
async fn everything_is_zero_at_first() {
    let home = Home::published();
    let metrics = home.open().state.metrics_text().unwrap();
    let documented = include_str!("../../docs/operations.md");
    let watched = documented.split_once("\nWatch: ").unwrap().1.split_once("\n\n").unwrap().0;
    let counters: Vec<_> = names(watched).into_iter().filter(|name| name.ends_with("_total")).collect();
    assert!(counters.len() >= 8, "{counters:?}");
    for name in counters {
        let samples: Vec<_> = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name)).collect();
        assert!(!samples.is_empty() && samples.iter().all(|line| line.ends_with(" 0")), "{name}: {samples:?}");
    }
    for sample in [
        "ceknikd_load_errors_total{dataset=\"jakarta-2024\"} 0",
        "ceknikd_elements_evaluated_total{dataset=\"jakarta-2024\"} 0",
        "ceknikd_refused_total{reason=\"internal\"} 0",
    ] {
        assert!(metrics.lines().any(|line| line == sample), "{sample} is not in\n{metrics}");
    }
    // As many reasons as there are types of problems.
    let reasons = metrics.lines().filter(|line| line.starts_with("ceknikd_refused_total{")).count();
    let types = include_str!("../../docs/problems.md").lines().filter(|line| line.starts_with("| `/problems/")).count();
    assert_eq!(reasons, types);
    // Nothing is published that could be served: its errors are counted from zero all the same.
    let home = Home::empty();
    let dataset = home.publisher.dataset_dir(JAKARTA);
    fs::create_dir_all(&dataset).unwrap();
    fs::write(dataset.join("current"), "x").unwrap();
    let metrics = home.open().state.metrics_text().unwrap();
    assert!(metrics.contains("ceknikd_load_errors_total{dataset=\"jakarta-2024\"}"), "{metrics}");
}
