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
