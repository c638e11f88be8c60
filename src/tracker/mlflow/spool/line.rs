//! Lines that tell whether they are whole: a checksum, a space, a text without a newline, a newline.

use crate::tracker::checksum::checksum;

/// The bytes before the text of a line.
const HEAD: usize = 17;

/// Appends a line to `out`, its text written by `write`.
pub(super) fn write(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    let start = out.len();
    out.extend_from_slice(&[b' '; HEAD]);
    if let Err(error) = write(out) {
        out.truncate(start);
        return Err(error);
    }
    let digest = checksum(&out[start + HEAD..]);
    for (at, slot) in out[start..start + HEAD - 1].iter_mut().enumerate() {
        let digit = (digest >> (60 - 4 * at)) & 0xf;
        *slot = b"0123456789abcdef"[usize::from(digit.to_le_bytes()[0])];
    }
    out.push(b'\n');
    Ok(())
}

/// The text of a line without its newline; nothing when it is damaged.
pub(super) fn read(line: &[u8]) -> Option<&[u8]> {
    let (head, text) = line.split_at_checked(HEAD)?;
    let (found, space) = head.split_at(HEAD - 1);
    let found = u64::from_str_radix(std::str::from_utf8(found).ok()?, 16).ok()?;
    (space == b" " && found == checksum(text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let mut line = Vec::new();
        write(&mut line, |out| {
            serde_json::to_writer(out, &serde_json::json!({"a": "å"}))
        })
        .unwrap();
        let line = line.strip_suffix(b"\n").unwrap();
        assert_eq!(read(line), Some("{\"a\":\"å\"}".as_bytes()));
        for at in 0..line.len() {
            let mut damaged = line.to_vec();
            damaged[at] ^= 1;
            assert_eq!(read(&damaged), None, "{at}");
            assert_eq!(read(&line[..at]), None, "{at}");
        }
    }
}
