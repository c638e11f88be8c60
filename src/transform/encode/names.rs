//! The names of encoded columns.

use std::collections::HashSet;

/// Makes names unique, among themselves and against `taken`: those that are free come first, in
/// order; each other one gets `_2`, `_3` and so on, the first that is free.
pub(super) fn unique(natural: Vec<String>, mut taken: HashSet<String>) -> Vec<String> {
    let is_free: Vec<bool> = natural
        .iter()
        .map(|name| taken.insert(name.clone()))
        .collect();
    let mut next = std::collections::HashMap::new();
    let names = natural.into_iter().zip(is_free).map(|(name, is_free)| {
        if is_free {
            return name;
        }
        // Where the last one of the same name ended, so that many equal names are no long search.
        let number = next.entry(name.clone()).or_insert(2_u64);
        loop {
            let other = format!("{name}_{number}");
            *number += 1;
            if taken.insert(other.clone()) {
                return other;
            }
        }
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_names_stay_and_the_others_are_numbered() {
        let taken = HashSet::from(["x_a".to_owned(), "x_a_3".to_owned()]);
        let natural = ["x_a", "x_b", "x_a_2", "x_b", "x_b"].map(str::to_owned);
        let names = unique(natural.to_vec(), taken);
        assert_eq!(names, ["x_a_4", "x_b", "x_a_2", "x_b_2", "x_b_3"]);
    }
}
