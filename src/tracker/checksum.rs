use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// SipHash-2-4 of some bytes: tells damage, and is no signature.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    hasher.finish()
}
