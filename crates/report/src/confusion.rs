//! Which digits are taken for which, in words and as a table.

use digit8_core::compare::{Confusion, NO_ANSWER};
use digit8_core::digits::CLASSES;
use digit8_host::terminal::table;

/// How often each digit (down) was read as each (across).
pub fn matrix(confusion: &Confusion) -> String {
    let rows = (0..).zip(&confusion.counts).map(|(digit, row): (usize, _)| {
        let counts = row.iter().map(|&count| if count == 0 { "·".into() } else { count.to_string() });
        labelled(digit.to_string(), counts)
    });
    table(headings(""), rows)
}

/// Headings of a table with a column for each digit.
pub fn headings(first: &str) -> [&str; 1 + CLASSES] {
    [first, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
}

/// A row of a table with a column for each digit.
pub fn labelled(label: String, mut cells: impl Iterator<Item = String>) -> [String; 1 + CLASSES] {
    let mut label = Some(label);
    std::array::from_fn(|_| label.take().or_else(|| cells.next()).unwrap_or_default())
}

/// The pairs of digits that are mixed up most often.
pub fn mistakes(confusion: &Confusion) -> String {
    let unanswered: u32 = confusion.unanswered.iter().sum();
    match (unanswered, unanswered == confusion.total()) {
        (0, _) => mixed_up(confusion),
        (_, true) => format!("No digit was ever the answer: {NO_ANSWER}."),
        (count, false) => {
            format!("{} No digit was the answer {count} times: {NO_ANSWER}.", mixed_up(confusion))
        }
    }
}

fn mixed_up(confusion: &Confusion) -> String {
    let pairs = (0..CLASSES).flat_map(|digit| (0..CLASSES).map(move |read| (digit, read)));
    let mut wrong: Vec<(u32, usize, usize)> = pairs
        .filter(|(digit, read)| digit != read)
        .map(|(digit, read)| (confusion.counts[digit][read], digit, read))
        .filter(|&(count, ..)| count > 0)
        .collect();
    // Stable: of equals, the smaller digit first.
    wrong.sort_by_key(|&(count, ..)| std::cmp::Reverse(count));
    if wrong.is_empty() {
        return "No mistakes.".into();
    }
    let most: Vec<String> =
        wrong.iter().take(5).map(|(count, digit, read)| format!("{digit} as {read} ({count})")).collect();
    format!("Most frequent mistakes: {}.", most.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_by_number() {
        let mut confusion = Confusion::default();
        confusion.counts[4][4] = 90;
        assert_eq!(mistakes(&confusion), "No mistakes.");
        confusion.counts[4][9] = 2;
        confusion.counts[9][3] = 7;
        assert_eq!(mistakes(&confusion), "Most frequent mistakes: 9 as 3 (7), 4 as 9 (2).");
        let unanswered = Confusion { unanswered: [0, 0, 3, 0, 0, 0, 0, 0, 1, 0], ..confusion.clone() };
        assert!(mistakes(&unanswered).contains("(2). No digit was the answer 4 times: the network's sums"));
        let lines: Vec<String> = matrix(&confusion).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(
            lines[5].split_whitespace().collect::<Vec<_>>(),
            ["4", "·", "·", "·", "·", "90", "·", "·", "·", "·", "2"]
        );
    }
}
