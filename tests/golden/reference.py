#!/usr/bin/env python3
"""Recomputes the golden vectors of docs/splitting.md without any of floe's code.

    python3 reference.py           compares with splitting.json and fails on a difference
    python3 reference.py --write   writes splitting.json anew

Only the standard library is used. The specification is frozen: a difference is a bug in floe, not in the file.
"""

import json
import struct
import sys
from fractions import Fraction
from math import floor
from pathlib import Path

GOLDEN = Path(__file__).with_name("splitting.json")
WORD, LONG = 2**32 - 1, 2**64 - 1


def chacha8_block(key: bytes, block: int) -> bytes:
    """One block of 64 bytes: 64-bit block counter, 64-bit nonce of zero."""
    start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
    start += [block & WORD, block >> 32, 0, 0]
    state = start[:]

    def mix(a, b, c, d):
        for one, other, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[one] = (state[one] + state[other]) & WORD
            mixed = state[third] ^ state[one]
            state[third] = (mixed << turn | mixed >> (32 - turn)) & WORD

    for _ in range(4):
        for column in range(4):
            mix(column, column + 4, column + 8, column + 12)
        for diagonal in range(4):
            mix(diagonal, (diagonal + 1) % 4 + 4, (diagonal + 2) % 4 + 8, (diagonal + 3) % 4 + 12)
    return struct.pack("<16I", *((one + other) & WORD for one, other in zip(state, start)))


def row_number(seed: int, row: int) -> int:
    block = chacha8_block(struct.pack("<Q", seed) + bytes(24), row // 8)
    return struct.unpack("<8Q", block)[row % 8]


def siphash24(key: bytes, message: bytes) -> int:
    low, high = struct.unpack("<QQ", key)
    v0, v1 = low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D
    v2, v3 = low ^ 0x6C7967656E657261, high ^ 0x7465646279746573

    def turn(value, bits):
        return (value << bits | value >> (64 - bits)) & LONG

    def rounds(count):
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0 = (v0 + v1) & LONG
            v1 = turn(v1, 13) ^ v0
            v0 = turn(v0, 32)
            v2 = (v2 + v3) & LONG
            v3 = turn(v3, 16) ^ v2
            v0 = (v0 + v3) & LONG
            v3 = turn(v3, 21) ^ v0
            v2 = (v2 + v1) & LONG
            v1 = turn(v1, 17) ^ v2
            v2 = turn(v2, 32)

    whole = len(message) // 8 * 8
    last = message[whole:].ljust(7, b"\0") + bytes([len(message) % 256])
    for (word,) in struct.iter_unpack("<Q", message[:whole] + last):
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


def size_of(share: str, n: int) -> int:
    """Half up; the share is text, so that it is the decimal it says."""
    return floor(Fraction(share) * n + Fraction(1, 2))


def test_rows(n: int, share: str, seed: int) -> list[int]:
    ranked = sorted(range(n), key=lambda row: (row_number(seed, row), row))
    return sorted(ranked[: size_of(share, n)])


def fold_ends(n: int, k: int) -> list[int]:
    """Where the folds end: the first n % k hold one row more."""
    return [fold * (n // k) + min(fold, n % k) for fold in range(1, k + 1)]


def folds(n: int, k: int, seed: int) -> list[int]:
    """The fold of each row."""
    ranked = sorted(range(n), key=lambda row: (row_number(seed, row), row))
    fold_of = [0] * n
    for rank, row in enumerate(ranked):
        fold_of[row] = next(fold for fold, end in enumerate(fold_ends(n, k)) if rank < end)
    return fold_of


def three_sides(n: int, validation: str, test: str, seed: int) -> dict:
    ranked = sorted(range(n), key=lambda row: (row_number(seed, row), row))
    first = size_of(test, n)
    end = first + size_of(validation, n)
    return {"test": sorted(ranked[:first]), "validation": sorted(ranked[first:end])}


def stratified(classes: list[str], k: int, seed: int | None) -> list[int]:
    """The fold of each row; without a seed the rows of a class are dealt in order."""
    fold_of, start = [0] * len(classes), 0
    for name in dict.fromkeys(classes):
        rows = [row for row, found in enumerate(classes) if found == name]
        if seed is not None:
            rows.sort(key=lambda row: (row_number(seed, row), row))
        # The classes stand one after the other; the row at place p of all counts for fold p mod k.
        places = sorted(place % k for place in range(start, start + len(rows)))
        for row, fold in zip(rows, places, strict=True):
            fold_of[row] = fold
        start += len(rows)
    return fold_of


def stratified_test(classes: list[str], share: str, seed: int) -> list[int]:
    n, test = len(classes), size_of(share, len(classes))
    names = list(dict.fromkeys(classes))
    shares = [Fraction(test * classes.count(name), n) for name in names]
    counts = [floor(share) for share in shares]
    by_remainder = sorted(range(len(names)), key=lambda at: counts[at] - shares[at])
    for at in by_remainder[: test - sum(counts)]:
        counts[at] += 1
    chosen = []
    for name, count in zip(names, counts, strict=True):
        rows = [row for row, found in enumerate(classes) if found == name]
        rows.sort(key=lambda row: (row_number(seed, row), row))
        chosen += rows[:count]
    return sorted(chosen)


def grouped(groups: list[str], k: int, seed: int) -> list[int]:
    def order(group):
        return -groups.count(group), siphash24(struct.pack("<QQ", seed, 0), b"\x04" + group.encode())

    fold_of, held = {}, [0] * k
    for group in sorted(set(groups), key=order):
        fold_of[group] = held.index(min(held))
        held[fold_of[group]] += groups.count(group)
    return [fold_of[group] for group in groups]


def time_series(times: list[int], k: int, gap: int, most: int | None, size: int | None) -> list[dict]:
    """The rows of each window, for times that may be equal."""
    n = len(times)
    ranked = sorted(range(n), key=lambda row: (times[row], row))
    at = [times[row] for row in ranked]

    def before(rank):
        while 0 < rank < n and at[rank - 1] == at[rank]:
            rank -= 1
        return rank

    def after(rank):
        while 0 < rank < n and at[rank - 1] == at[rank]:
            rank += 1
        return rank

    size = size or n // (k + 1)
    starts = [before(n - (k - window) * size) for window in range(k)]
    windows = []
    for start, end in zip(starts, [*starts[1:], n], strict=True):
        train_end = before(start - gap)
        train_start = after(train_end - most) if most and most < train_end else 0
        windows.append({"train": sorted(ranked[train_start:train_end]), "test": sorted(ranked[start:end])})
    return windows


def wide(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little", signed=True)


# The canonical bytes are put together by hand here, so that they check those of the library.
KEYS = [
    ("null", b"\x00"),
    ("bool true", b"\x01\x01"),
    ("int 7", b"\x02" + wide(7, 16)),
    ("int -1", b"\x02" + wide(-1, 16)),
    ("float 1.5", b"\x03" + struct.pack("<d", 1.5)),
    ("float -0.0", b"\x03" + bytes(8)),
    ("float NaN", b"\x03" + bytes.fromhex("000000000000f87f")),
    ("text Zürich", b"\x04" + "Zürich".encode()),
    ("text empty", b"\x04"),
    ("binary 00ff10", b"\x05\x00\xff\x10"),
    ("date 2024-02-29", b"\x06" + wide(19_782, 4)),
    ("datetime 2024-02-29T12:34:56.789", b"\x07" + wide(1_709_210_096_789 * 10**6, 16)),
    ("duration -90 s", b"\x08" + wide(-90 * 10**9, 16)),
    ("time 23:59:59.999999999", b"\x09" + wide(86_400 * 10**9 - 1, 8)),
    ("decimal 1.50", b"\x0a" + wide(15, 16) + struct.pack("<I", 1)),
    ("decimal -100", b"\x0a" + wide(-100, 16) + struct.pack("<I", 0)),
]
SEEDS = [0, 1, 42, LONG]
ROWS = [*range(17), 2**32 - 1, 2**40]
SPLITS = [(10, "0.3", 42), (10, "0.3", 0), (100, "0.2", 7)]
FOLDS = [(10, 3, 42), (23, 5, 0), (7, 7, 1)]
SIDES = [(10, "0.2", "0.3", 42), (40, "0.15", "0.25", 0)]
COMMON = [("a", "b", "b", "c", "b", "a", "b")[row * row % 7] for row in range(40)]
STRATIFIED = [(list("abab"), 2, 0), (list("abbcbabbbacb"), 3, 42), (COMMON, 5, 7)]
STRATIFIED_TESTS = [(list("abbcbabbbacb"), "0.25", 42), (COMMON, "0.3", 0)]
GROUPED = [(list("aaabbcdd"), 2, 0), ([f"g{row * row % 11}" for row in range(50)], 3, 42)]
DAYS = [0, 1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 9, 9, 10, 11, 12]
SERIES = [
    (list(range(12)), 3, 0, None, None),
    (list(range(20)), 4, 2, 5, 3),
    ([19, 3, 7, 11, 0, 5, 2, 13, 17, 1, 6, 4], 2, 1, None, 4),
    (DAYS, 3, 0, None, None),
    (DAYS, 2, 2, 6, 5),
]
SHARES = ["0.5", "0.3", "0.15", "0.2", "1e-7", "0.30000000000000004", "0.9999999999999999", "5e-324"]
SIZES = [1, 2, 10, 101, 5_000_000, 10**17, LONG]


def golden() -> dict:
    return {
        "numbers": [
            {"seed": str(seed), "rows": {str(row): f"{row_number(seed, row):016x}" for row in ROWS}} for seed in SEEDS
        ],
        "shares": [
            {
                "share": share,
                "fixed_threshold": f"{floor(Fraction(share) * 2**64):016x}",
                "of": {str(n): str(size_of(share, n)) for n in SIZES},
            }
            for share in SHARES
        ],
        "splits": [
            {"n": n, "share": share, "seed": str(seed), "test": test_rows(n, share, seed)} for n, share, seed in SPLITS
        ],
        "folds": [
            {
                "n": n,
                "k": k,
                "seed": str(seed),
                "fold": folds(n, k, seed),
                "stable": [row_number(seed, row) * k >> 64 for row in range(n)],
                "in_order": [next(f for f, end in enumerate(fold_ends(n, k)) if row < end) for row in range(n)],
            }
            for n, k, seed in FOLDS
        ],
        "three_sides": [
            {"n": n, "validation_share": validation, "test_share": test, "seed": str(seed)}
            | three_sides(n, validation, test, seed)
            for n, validation, test, seed in SIDES
        ],
        "stratified": [
            {
                "classes": "".join(classes),
                "k": k,
                "seed": str(seed),
                "fold": stratified(classes, k, seed),
                "in_order": stratified(classes, k, None),
            }
            for classes, k, seed in STRATIFIED
        ],
        "stratified_splits": [
            {
                "classes": "".join(classes),
                "share": share,
                "seed": str(seed),
                "test": stratified_test(classes, share, seed),
            }
            for classes, share, seed in STRATIFIED_TESTS
        ],
        "grouped": [
            {"groups": groups, "k": k, "seed": str(seed), "fold": grouped(groups, k, seed)}
            for groups, k, seed in GROUPED
        ],
        "time_series": [
            {
                "times": times,
                "k": k,
                "gap": gap,
                "max_train_size": most,
                "test_size": size,
                "windows": time_series(times, k, gap, most, size),
            }
            for times, k, gap, most, size in SERIES
        ],
        "keys": [
            {
                "key": name,
                "bytes": message.hex(),
                "hashes": {
                    str(seed): f"{siphash24(struct.pack('<QQ', seed, 0), message):016x}" for seed in (0, 42)
                },
            }
            for name, message in KEYS
        ],
    }


def main() -> int:
    # Published vectors first: a mistake in this script must not become the truth.
    if chacha8_block(bytes(32), 0)[:16].hex() != "3e00ef2f895f40d67f5bb8e81f09a5a1":
        sys.exit("the ChaCha8 of this script is wrong")
    if siphash24(bytes(range(16)), bytes(range(15))) != 0xA129CA6149BE45E5:
        sys.exit("the SipHash-2-4 of this script is wrong")

    text = json.dumps(golden(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--write"]:
        GOLDEN.write_text(text, encoding="utf-8")
        return 0
    stored = json.loads(GOLDEN.read_text(encoding="utf-8"))
    wrong = [part for part in stored.keys() | golden().keys() if stored.get(part) != golden().get(part)]
    for part in sorted(wrong):
        print(f"{GOLDEN.name}: the part {part!r} differs from the specification", file=sys.stderr)
    if not wrong:
        print(f"{GOLDEN.name} agrees with the specification")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
