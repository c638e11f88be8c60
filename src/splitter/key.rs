//! The number of a row in a split by key: a hash of the key that stays the same between versions
//! and machines.
//!
//! Polars' own hash is not promised to stay, so a key is written as canonical bytes and hashed by a
//! published function.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The one pattern that stands for every NaN: the quiet one without a payload.
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// The value of a key column, after the differences of width and unit that mean nothing are gone.
///
/// A null key is an error where rows of one key stay together, since rows without a key belong to no
/// group; where each class is dealt by itself, the rows without one are a class.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    Null,
    Bool(bool),
    /// An integer of whatever width, so that 7 is one key in every integer column.
    Int(i128),
    /// A float; one of 32 bits is widened, which is exact.
    Float(f64),
    /// Text, which is also the name of a category.
    Text(&'a str),
    Binary(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Nanoseconds since 1970-01-01 00:00 UTC, or of the wall clock where there is no time zone.
    Datetime(i128),
    /// Nanoseconds.
    Duration(i128),
    /// Nanoseconds since midnight.
    Time(i64),
    /// The value `unscaled / 10^scale`.
    Decimal {
        unscaled: i128,
        scale: u32,
    },
}

impl Key<'_> {
    /// The tags are frozen: a new kind of key takes the next one.
    fn tag(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Text(_) => 4,
            Self::Binary(_) => 5,
            Self::Date(_) => 6,
            Self::Datetime(_) => 7,
            Self::Duration(_) => 8,
            Self::Time(_) => 9,
            Self::Decimal { .. } => 10,
        }
    }

    /// Hands over the canonical bytes in order; how they are cut into pieces means nothing.
    fn write(&self, mut put: impl FnMut(&[u8])) {
        put(&[self.tag()]);
        match *self {
            Self::Null => {}
            Self::Bool(value) => put(&[u8::from(value)]),
            Self::Int(value) | Self::Datetime(value) | Self::Duration(value) => {
                put(&value.to_le_bytes());
            }
            Self::Float(value) => put(&float_bits(value).to_le_bytes()),
            Self::Text(value) => put(value.as_bytes()),
            Self::Binary(value) => put(value),
            Self::Date(days) => put(&days.to_le_bytes()),
            Self::Time(value) => put(&value.to_le_bytes()),
            Self::Decimal { unscaled, scale } => {
                let (unscaled, scale) = normalised(unscaled, scale);
                put(&unscaled.to_le_bytes());
                put(&scale.to_le_bytes());
            }
        }
    }
}

/// Values that compare equal must be one key, and NaN is one key though it equals nothing.
fn float_bits(value: f64) -> u64 {
    if value.is_nan() {
        NAN
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

/// Removes trailing zeros after the point, so that 1.50 and 1.5 are one key.
fn normalised(mut unscaled: i128, mut scale: u32) -> (i128, u32) {
    if unscaled == 0 {
        return (0, 0);
    }
    while scale > 0 && unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}

/// Hashes keys with `SipHash-2-4`, whose key is the seed in little-endian bytes followed by eight
/// zero bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyHasher {
    empty: SipHasher24,
}

impl KeyHasher {
    pub(crate) fn new(seed: u64) -> Self {
        // The crate takes the 128 bits as two little-endian halves.
        Self {
            empty: SipHasher24::new_with_keys(seed, 0),
        }
    }

    pub(crate) fn hash(&self, key: &Key<'_>) -> u64 {
        let mut hasher = self.empty;
        // Only `write` is used, because the typed methods of `Hasher` follow the byte order of the
        // machine.
        key.write(|bytes| hasher.write(bytes));
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn decimal(unscaled: i128, scale: u32) -> Key<'static> {
        Key::Decimal { unscaled, scale }
    }

    fn bytes(key: &Key<'_>) -> Vec<u8> {
        let mut all = Vec::new();
        key.write(|part| all.extend_from_slice(part));
        all
    }

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// The keys of the golden file, by name; the file holds the same values for the reference in
    /// Python.
    fn named() -> Vec<(&'static str, Key<'static>)> {
        vec![
            ("null", Key::Null),
            ("bool true", Key::Bool(true)),
            ("int 7", Key::Int(7)),
            ("int -1", Key::Int(-1)),
            ("float 1.5", Key::Float(1.5)),
            ("float -0.0", Key::Float(-0.0)),
            ("float NaN", Key::Float(-f64::NAN)),
            ("text Zürich", Key::Text("Zürich")),
            ("text empty", Key::Text("")),
            ("binary 00ff10", Key::Binary(&[0x00, 0xff, 0x10])),
            ("date 2024-02-29", Key::Date(19_782)),
            (
                "datetime 2024-02-29T12:34:56.789",
                Key::Datetime(1_709_210_096_789_000_000),
            ),
            ("duration -90 s", Key::Duration(-90_000_000_000)),
            ("time 23:59:59.999999999", Key::Time(86_399_999_999_999)),
            ("decimal 1.50", decimal(150, 2)),
            ("decimal -100", decimal(-100, 0)),
        ]
    }

    #[test]
    fn the_golden_hashes_hold() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/splitting.json"))
                .expect("valid JSON");
        let cases = golden["keys"].as_array().expect("a list");
        let named = named();
        assert_eq!(cases.len(), named.len());
        for (case, (name, key)) in cases.iter().zip(&named) {
            assert_eq!(case["key"].as_str(), Some(*name));
            assert_eq!(
                case["bytes"].as_str(),
                Some(hex(&bytes(key)).as_str()),
                "{name}"
            );
            let expected = case["hashes"].as_object().expect("an object");
            assert_eq!(expected.len(), 2);
            for (seed, hash) in expected {
                let hasher = KeyHasher::new(seed.parse().expect("a seed"));
                assert_eq!(
                    hash.as_str(),
                    Some(format!("{:016x}", hasher.hash(key)).as_str()),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let key: [u8; 16] = std::array::from_fn(|place| u8::try_from(place).expect("a byte"));
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(
            SipHasher24::new_with_key(&key).hash(&message),
            0xa129_ca61_49be_45e5
        );
    }

    #[test]
    fn values_that_mean_the_same_are_one_key() {
        let same = [
            (Key::Float(-0.0), Key::Float(0.0)),
            (
                Key::Float(f64::NAN),
                Key::Float(f64::from_bits(0xfff0_0000_0000_0001)),
            ),
            (decimal(150, 2), decimal(15, 1)),
            (decimal(0, 9), decimal(0, 0)),
            (decimal(700, 2), decimal(7, 0)),
        ];
        for (one, other) in same {
            assert_eq!(bytes(&one), bytes(&other));
        }
    }

    #[test]
    fn values_of_different_kinds_are_different_keys() {
        let keys = [
            Key::Bool(true),
            Key::Int(1),
            Key::Float(1.0),
            Key::Text("1"),
            Key::Binary(b"1"),
            Key::Date(1),
            Key::Datetime(1),
            Key::Duration(1),
            Key::Time(1),
            decimal(1, 0),
            decimal(10, 0),
            decimal(1, 1),
        ];
        let hasher = KeyHasher::new(9);
        let distinct: BTreeSet<_> = keys.iter().map(|key| hasher.hash(key)).collect();
        assert_eq!(distinct.len(), keys.len());
    }

    proptest! {
        #[test]
        fn pieces_hash_like_a_whole(seed: u64, text: String, unscaled: i128, scale in 0_u32..9) {
            let whole = SipHasher24::new_with_keys(seed, 0);
            for key in [Key::Text(&text), Key::Int(unscaled), decimal(unscaled, scale)] {
                prop_assert_eq!(KeyHasher::new(seed).hash(&key), whole.hash(&bytes(&key)));
            }
        }

        #[test]
        fn zeros_at_the_end_change_nothing(value: i64, scale in 0_u32..10, zeros in 0_u32..15) {
            let unscaled = i128::from(value);
            let longer = unscaled * 10_i128.pow(zeros);
            let short = decimal(unscaled, scale);
            prop_assert_eq!(bytes(&decimal(longer, scale + zeros)), bytes(&short));
        }
    }
}
