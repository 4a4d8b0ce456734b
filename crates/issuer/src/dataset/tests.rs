use super::*;

const LEAST: &str = r#"
[title]
id = "Dukungan"
en = "Support"

[coverage]
id = "Satu kota"
en = "One city"

[candidates.dk]
id = "Calon D"
en = "Candidate D"

[statuses.ms]
id = "Memenuhi syarat"
en = "Eligible"
"#;

/// A definition with weak stretch, to which lines are added at the top; they may replace the default ones.
pub(crate) fn toml(lines: &str) -> String {
    let mut text = String::new();
    for (key, line) in [("id", "id = \"list\""), ("population", "population = 100000")] {
        if !lines.lines().any(|given| given.starts_with(key)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text + lines + "\n[stretch]\nweak = true\n" + LEAST
}

pub(crate) fn definition(lines: &str) -> Definition {
    Definition::from_toml(&toml(lines), true).unwrap()
}
