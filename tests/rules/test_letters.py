"""Capitals and small letters of every script are known, though not every character is looked at."""

import re
import sys

from rules.lexer import CASED_END, letters


def test_no_letter_with_a_case_lies_where_nobody_looks() -> None:
    assert not any(chr(code).isupper() or chr(code).islower() for code in range(CASED_END, sys.maxunicode + 1))


def test_capitals_and_small_letters_of_many_scripts() -> None:
    capital, small = re.compile(f"[{letters(True)}]+"), re.compile(f"[{letters(False)}]+")
    assert capital.fullmatch("AÉŞΩЖ𞤀")
    assert small.fullmatch("aéşωжß𞤢")
    assert not capital.search("aé5漢 -")
    assert not small.search("AÉ5漢 -")
