"""Vouchers as they are declared: until when, which codes, and what files of codes may hold."""

from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import vouchers
from rules.syntax import Clock, Day, Moment, Span, String
from rules.syntax import Voucher as Declared
from rules.times import instant
from rules.vouchers import (
    ALPHABET,
    LONGEST_CODE,
    Voucher,
    draw,
    file_fault,
    is_guessable,
    pattern_faults,
    read_codes,
    voucher_of,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


# ---- declarations


def test_a_day_counts_whole_in_the_brands_zone() -> None:
    declared = Declared("zomer", String("Z-######"), None, Day(2026, 5, 1), span=Span("a/shop.rules", 1, 1, 1, 2))
    voucher = voucher_of(declared, AMSTERDAM)
    assert voucher == Voucher("zomer", "Z-######", "", "a/shop.rules", voucher.until)
    assert voucher.until is not None
    assert instant(voucher.until) == datetime(2026, 5, 1, 22, 0, tzinfo=UTC)
    assert not voucher.is_over(voucher.until - 1)
    assert voucher.is_over(voucher.until)


def test_the_day_that_clocks_change_ends_at_its_own_midnight() -> None:
    voucher = voucher_of(Declared("zomer", String("Z-######"), None, Day(2026, 10, 25)), AMSTERDAM)
    assert voucher.until is not None
    assert instant(voucher.until) == datetime(2026, 10, 25, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", [AMSTERDAM, ZoneInfo("America/New_York")])
def test_the_last_day_that_calendars_know_has_no_end(zone: ZoneInfo) -> None:
    assert voucher_of(Declared("ooit", String("Z-######"), None, Day(9999, 12, 31)), zone).until is None


def test_a_moment_ends_it_at_that_minute() -> None:
    declared = Declared("flits", None, String("codes.csv"), Moment(Day(2026, 5, 1), Clock(21, 30)))
    voucher = voucher_of(declared, AMSTERDAM)
    assert (voucher.pattern, voucher.file) == ("", "codes.csv")
    assert voucher.until is not None
    assert instant(voucher.until) == datetime(2026, 5, 1, 19, 30, tzinfo=UTC)


def test_without_an_end_it_always_counts() -> None:
    assert not voucher_of(Declared("altijd", String("A-######")), AMSTERDAM).is_over(1 << 62)


# ---- patterns


def test_codes_are_drawn_where_the_pattern_says() -> None:
    drawn = {draw("ZOMER-####-####", Random(seed).random) for seed in range(500)}
    assert len(drawn) == 500
    assert all(code[:6] == "ZOMER-" and code[10] == "-" and len(code) == 15 for code in drawn)
    assert {one for code in drawn for one in code[6:10] + code[11:]} == set(ALPHABET)


def test_the_ends_of_chance_are_in_the_alphabet() -> None:
    assert draw("##", iter([0.0, 1 - 2**-53]).__next__) == ALPHABET[0] + ALPHABET[-1]


def test_nothing_looks_like_something_else() -> None:
    assert not set("0O1IL") & set(ALPHABET)
    assert len(ALPHABET) == 31


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("ZOMER-####-####", ""),
        ("ZOMER", "every contact would get the same code"),
        ("#" * (LONGEST_CODE + 1), f"at most {LONGEST_CODE} characters; this has {LONGEST_CODE + 1}"),
        ("ZOMER ####", "without spaces"),
        ("ZÖMER-####", "without spaces"),
        ("", "every contact"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_told(pattern: str, said: str) -> None:
    faults = pattern_faults(pattern)
    assert [said in fault for fault in faults] == [True] * bool(said)


def test_few_random_characters_can_be_guessed() -> None:
    assert is_guessable("ZOMER-####")
    assert not is_guessable("ZOMER-######")
    assert not is_guessable("ZOMER")


@pytest.mark.parametrize("name", ["/etc/passwd", "../codes.csv", "a/../../b.csv", "", "a\0b", "..\\codes.csv"])
def test_a_file_stands_beside_the_rules(name: str) -> None:
    assert file_fault(name)


@pytest.mark.parametrize("name", ["codes.csv", "codes/zomer.csv", "zomer codes.txt"])
def test_a_plain_name_will_do(name: str) -> None:
    assert file_fault(name) == ""


# ---- files


def test_a_code_a_line() -> None:
    read = read_codes(b"A1\nB2\r\nC3")
    assert read.codes == ("A1", "B2", "C3")
    assert read.told == ()


@pytest.mark.parametrize(
    "text",
    [
        "code\nA1\nB2\n",
        "Naam;Code;Waarde\nx;A1;5\ny;B2;5\n",
        '"Voucher Code","x"\n"A1","1"\n"B2","2"\n',
        "id\tvouchercode\n1\tA1\n2\tB2\n",
        "A1,rest\nB2,rest\n",
        "\n\ncode\nA1\nB2",
    ],
)
def test_a_table_with_or_without_a_heading(text: str) -> None:
    assert read_codes(text.encode()).codes == ("A1", "B2")


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        ("\ufeffA1\nB2".encode(), ()),
        ("A1\nB2".encode("utf-16"), ("It is UTF-16; it was read as that.",)),
        (b"\xfe\xff" + "A1\nB2".encode("utf-16-be"), ("It is UTF-16; it was read as that.",)),
        (b"code;naam\nA1;Ren\xe9\nB2;x", ("It is not UTF-8; it was read as Windows-1252.",)),
        (b"code;naam\nA1;\x81\nB2;x", ("It is not UTF-8; it was read as Windows-1252.",)),
    ],
)
def test_other_encodings_are_read_and_told(octets: bytes, told: tuple[str, ...]) -> None:
    read = read_codes(octets)
    assert read.codes == ("A1", "B2")
    assert read.told == told


def test_what_is_odd_is_told_with_its_line_and_the_rest_is_used() -> None:
    text = "A1\n\nB2\nA1\nC 3\n" + "x" * (LONGEST_CODE + 1) + "\nD\u00e94\nE5\n"
    read = read_codes(text.encode())
    assert read.codes == ("A1", "B2", "E5")
    assert read.told == (
        "Line 2 is blank.",
        "Line 6 has more than 40 characters; it is left out.",
        "Line 5 has a space or a character that cannot be typed at a till; it is left out.",
        "Line 7 has a space or a character that cannot be typed at a till; it is left out.",
        "Line 4 has a code that stands above already; it is used once.",
    )


def test_much_of_one_kind_is_told_as_a_number() -> None:
    read = read_codes(b"A1\n" * 100)
    assert len(read.told) == vouchers.MOST_TOLD + 1
    assert read.told[-1] == "79 more lines have a code that stands above already."


def test_short_rows_have_no_code() -> None:
    read = read_codes(b"id;code\n1;A1\n2\n3;B2")
    assert read.codes == ("A1", "B2")
    assert read.told == ("Line 3 is blank.",)


def test_an_empty_file_is_told() -> None:
    for octets in (b"", b"\n\n", b"code\n"):
        assert read_codes(octets).told[-1] == "It holds no code that can be used."


def test_a_cell_without_end_is_too_long() -> None:
    read = read_codes(b'A1\n"' + b"x" * 200_000 + b"\nB2\n")
    assert "A1" in read.codes
    assert any("more than 40 characters" in one for one in read.told)


def test_too_many_codes_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouchers, "MOST_CODES", 2)
    read = read_codes(b"A1\nB2\nC3\nD4")
    assert read.codes == ("A1", "B2")
    assert read.told == ("It has more than 2 codes; those after line 2 are not used.",)


def test_too_large_a_file_is_cut_at_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouchers, "MOST_OCTETS", 8)
    read = read_codes(b"A1\nB2\nC3\nD4\n")
    assert read.codes == ("A1", "B2")
    assert "more than 8 octets" in read.told[0]
    cut = read_codes("A1\nB2\nxx€".encode())
    assert cut.codes == ("A1", "B2")
    assert "octets" in cut.told[0]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_octets_are_an_error(octets: bytes) -> None:
    read = read_codes(octets)
    assert len(set(read.codes)) == len(read.codes)
    assert all(0 < len(code) <= LONGEST_CODE and code.isascii() and " " not in code for code in read.codes)


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from(ALPHABET + "-"), min_size=3, max_size=12), unique=True, max_size=50))
def test_codes_that_are_written_are_read(codes: list[str]) -> None:
    read = read_codes("\n".join(codes).encode())
    assert list(read.codes) == (codes[1:] if codes[:1] == ["CODE"] else codes)
