//! Pictures for the page: SVG without script, with a text in place of each.

use std::fmt::Write;

use super::html::escaped;
use super::words::grouped;

/// The page shows a picture at most a little wider than this, so that its letters are as large as the text's on a phone too.
const WIDTH: f64 = 440.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;

/// A picture with its title and a sentence that says what it shows.
struct Canvas {
    svg: String,
}

impl Canvas {
    fn new(name: &str, height: f64, title: &str, told: &str) -> Self {
        let mut svg = String::new();
        let _ = write!(
            svg,
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{name}-t {name}-d\"><title \
             id=\"{name}-t\">{}</title><desc id=\"{name}-d\">{}</desc>",
            escaped(title),
            escaped(told)
        );
        Self { svg }
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let _ = write!(self.svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(text));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ =
            write!(self.svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>");
    }

    fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        let _ = write!(
            self.svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>"
        );
    }

    fn done(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }
}

/// A value for each epoch.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) told: &'a str,
    /// What stands under the first and the last.
    pub(super) ends: (&'a str, &'a str),
}

/// A line of values from 0.
pub(super) fn curve(series: &Series<'_>, values: &[u64]) -> String {
    let height = 190.0;
    let bottom = height - 30.0;
    let mut canvas = Canvas::new(series.name, height, series.title, series.told);
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let x = |place: usize| {
        let span = (values.len().max(2) - 1) as f64;
        LEFT + 8.0 + (WIDTH - LEFT - RIGHT - 16.0) * place as f64 / span
    };
    let y = |value: u64| bottom - (bottom - TOP) * value as f64 / most as f64;
    axes(&mut canvas, bottom, &[(0, y(0)), (most, y(most))]);
    let mut points = String::new();
    for (place, value) in values.iter().enumerate() {
        let _ = write!(points, "{:.1},{:.1} ", x(place), y(*value));
    }
    let _ = write!(canvas.svg, "<polyline points=\"{}\" class=\"curve\"/>", points.trim_end());
    for (place, value) in values.iter().enumerate().filter(|_| values.len() <= 60) {
        let _ = write!(canvas.svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" class=\"one\"/>", x(place), y(*value));
    }
    ends(&mut canvas, series.ends, height);
    canvas.done()
}

/// Columns up for what came and down for what went.
pub(super) fn up_and_down(series: &Series<'_>, values: &[(u64, u64)]) -> String {
    let height = 190.0;
    let bottom = height - 30.0;
    let mut canvas = Canvas::new(series.name, height, series.title, series.told);
    let up = values.iter().map(|(up, _)| *up).max().unwrap_or(0);
    let down = values.iter().map(|(_, down)| *down).max().unwrap_or(0);
    let unit = (bottom - TOP) / (up + down).max(1) as f64;
    let zero = TOP + up as f64 * unit;
    let mut ticks = vec![(0, zero)];
    ticks.extend((up > 0).then_some((up, TOP)));
    ticks.extend((down > 0).then_some((down, bottom)));
    axes(&mut canvas, zero, &ticks);
    let step = (WIDTH - LEFT - RIGHT) / values.len().max(1) as f64;
    for (place, (up, down)) in values.iter().enumerate() {
        let x = LEFT + step * (place as f64 + 0.15);
        canvas.bar(x, zero - *up as f64 * unit, step * 0.7, *up as f64 * unit, "one");
        canvas.bar(x, zero, step * 0.7, *down as f64 * unit, "other");
    }
    ends(&mut canvas, series.ends, height);
    canvas.done()
}

/// Columns side by side.
pub(super) fn columns(series: &Series<'_>, values: &[u64]) -> String {
    let height = 180.0;
    let bottom = height - 30.0;
    let mut canvas = Canvas::new(series.name, height, series.title, series.told);
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    axes(&mut canvas, bottom, &[(0, bottom), (most, TOP)]);
    let step = (WIDTH - LEFT - RIGHT) / values.len().max(1) as f64;
    for (place, value) in values.iter().enumerate() {
        let tall = (bottom - TOP) * *value as f64 / most as f64;
        canvas.bar(LEFT + step * (place as f64 + 0.08), bottom - tall, step * 0.84, tall, "one");
    }
    ends(&mut canvas, series.ends, height);
    canvas.done()
}

/// Percents as bars, each under its words; `bound` is a line that none should go beyond.
pub(super) fn percents(name: &str, title: &str, told: &str, bars: &[(String, f64)], bound: f64) -> String {
    let row = 46.0;
    let height = TOP + row * bars.len() as f64 + 26.0;
    let mut canvas = Canvas::new(name, height, title, told);
    let (left, right) = (2.0, 60.0);
    let wide = WIDTH - left - right;
    let bound_x = left + wide * bound / 100.0;
    for (place, (words, percent)) in bars.iter().enumerate() {
        let y = TOP + row * place as f64;
        canvas.text(left, y + 8.0, "start", words);
        canvas.bar(left, y + 14.0, wide, 18.0, "rest");
        canvas.bar(left, y + 14.0, wide * percent.clamp(0.0, 100.0) / 100.0, 18.0, "one");
        canvas.line((bound_x, y + 11.0), (bound_x, y + 35.0), "bound");
        canvas.text(WIDTH - right + 6.0, y + 28.0, "start", &format!("{percent} %"));
    }
    canvas.text(
        bound_x,
        height - 4.0,
        if bound > 70.0 { "end" } else { "middle" },
        &format!("janji / promise: {bound} %"),
    );
    canvas.done()
}

fn axes(canvas: &mut Canvas, base: f64, ticks: &[(u64, f64)]) {
    canvas.line((LEFT, base), (WIDTH - RIGHT, base), "axis");
    for (value, y) in ticks {
        canvas.line((LEFT - 4.0, *y), (LEFT, *y), "axis");
        canvas.text(LEFT - 8.0, y + 5.0, "end", &grouped(*value));
    }
}

fn ends(canvas: &mut Canvas, (first, last): (&str, &str), height: f64) {
    canvas.text(LEFT, height - 6.0, "start", first);
    if last != first {
        canvas.text(WIDTH - RIGHT, height - 6.0, "end", last);
    }
}
