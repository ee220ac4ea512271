//! Words that no file may hold: paths of somebody's machine, and notes of work left undone.

// Put together here, so that this file passes its own check.
const MACHINE: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];
const UNDONE: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        for machine in MACHINE {
            // Only where a path starts: `../home/x` and `a.org/home/x` are none of a machine.
            let starts = |before: Option<char>, _| {
                !before.is_some_and(|c| c.is_alphanumeric() || "._-~}>*".contains(c))
            };
            if holds(line, machine, starts) {
                problems.push(format!(
                    "{path}:{number}: `{machine}` is a path of one machine"
                ));
            }
        }
        for undone in UNDONE {
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if holds(line, undone, |before, after| !word(before) && !word(after)) {
                problems.push(format!("{path}:{number}: `{undone}` leaves work undone"));
            }
        }
    }
    problems
}

/// Whether the line holds `needle` between characters that `fits` accepts.
fn holds(line: &str, needle: &str, fits: impl Fn(Option<char>, Option<char>) -> bool) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        fits(
            line[..at].chars().next_back(),
            line[at + needle.len()..].chars().next(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_are_refused() {
        for machine in MACHINE {
            assert_eq!(check("a", &format!("cd {machine}a")).len(), 1);
            assert_eq!(check("a", &format!("\n{machine}")).len(), 1);
            assert_eq!(
                check("a", &format!("https://a.org{machine}a ..{machine}")).len(),
                0
            );
        }
    }

    #[test]
    fn undone_work_is_refused() {
        for undone in UNDONE {
            assert_eq!(check("a", &format!("// {undone}: later")).len(), 1);
            assert_eq!(
                check("a", &format!("{undone}S and a_{undone} and {undone}X")).len(),
                0
            );
        }
    }
}
