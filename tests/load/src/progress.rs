//! Tells a person how far a replay is, on standard error.
//!
//! On a terminal each phase is one line, written over and over; elsewhere one line when it is
//! done. It never fails a replay: where nothing can be written, nothing is.

use std::io::{Write as _, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How often a terminal's line is written.
const DRAW_INTERVAL: Duration = Duration::from_millis(200);

/// How to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One line a phase, rewritten as it goes on.
    Terminal,
    /// One line a phase, at its end.
    Lines,
    /// Not at all.
    Quiet,
}

impl Style {
    /// Tells a fact that belongs to no phase.
    pub fn note(self, note: &str) {
        if self != Self::Quiet {
            write(&format!("{note}\n"));
        }
    }
}

/// One phase of a replay.
#[derive(Debug)]
pub struct Phase {
    style: Style,
    name: &'static str,
    total: usize,
    started: Instant,
    done: AtomicU64,
    /// Counted in intervals since the start.
    next_draw: AtomicU64,
    retries_before: u64,
    retries: AtomicU64,
}

impl Phase {
    /// Begins a phase of `total` steps; `retries` is the count of retries so far.
    #[must_use]
    pub fn begin(style: Style, name: &'static str, total: usize, retries: u64) -> Self {
        let phase = Self {
            style,
            name,
            total,
            started: Instant::now(),
            done: AtomicU64::new(0),
            next_draw: AtomicU64::new(0),
            retries_before: retries,
            retries: AtomicU64::new(retries),
        };
        phase.draw();
        phase
    }

    /// One step is done; `retries` is the count of retries so far.
    pub fn advance(&self, retries: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.retries.store(retries, Ordering::Relaxed);
        self.draw();
    }

    /// The phase is over; so it is when it is given up and dropped.
    pub fn end(self) {}

    /// Writes the line anew on a terminal, unless that was just done.
    fn draw(&self) {
        let elapsed = self.started.elapsed().as_millis();
        let interval = u64::try_from(elapsed / DRAW_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        let due = interval >= self.next_draw.load(Ordering::Relaxed);
        if self.style == Style::Terminal && due {
            self.next_draw
                .store(interval.saturating_add(1), Ordering::Relaxed);
            write(&format!("\r\x1b[2K{}", self.line()));
        }
    }

    fn line(&self) -> String {
        let done = self.done.load(Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = crate::report::per_second(done, self.started.elapsed());
        let retries = self
            .retries
            .load(Ordering::Relaxed)
            .saturating_sub(self.retries_before);
        let mut line = format!(
            "{:<13} {done} of {} in {seconds:.1} s, {rate:.0} a second",
            self.name, self.total
        );
        if retries > 0 {
            line.push_str(&format!(", {retries} tried again"));
        }
        line
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        match self.style {
            Style::Terminal => write(&format!("\r\x1b[2K{}\n", self.line())),
            Style::Lines => write(&format!("{}\n", self.line())),
            Style::Quiet => {}
        }
    }
}

fn write(text: &str) {
    let mut stderr = stderr().lock();
    // Where standard error is closed there is nobody to tell.
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_steps_and_retries() {
        let phase = Phase::begin(Style::Quiet, "messages", 3, 5);
        phase.advance(5);
        assert!(
            phase.line().starts_with("messages      1 of 3 in 0.0 s, "),
            "{}",
            phase.line()
        );
        assert!(!phase.line().contains("again"));
        phase.advance(7);
        assert!(
            phase.line().ends_with(", 2 tried again"),
            "{}",
            phase.line()
        );
    }
}
