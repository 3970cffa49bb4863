"""The scan for places finds the very keys that tomllib finds, in any file, and says where they stand."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.locate import Keys, Place, Places

TEXT = """\
# a comment with [brackets] and = signs
top = "x" # "
"quoted key".'and\\this'."\\u00e9" = 1
[a . b]
list = [ 1, # one
  "],#", [2, 3], {x = 1, y.z = 2},
]
[[c]]
name = \"\"\"a "quoted" \\\"\"\"
[fake]
\"\"\"\"\"
[[c]]
name = '''it's''''
[c.inner]
deep = 1979-05-27 07:32:00
[[c.rows]]
n = { }
"""


def keys_of(value: Any, keys: Keys = ()) -> set[Keys]:
    """Every key of what tomllib read."""
    found = {keys} if keys else set()
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found.union(*(keys_of(inner, (*keys, key)) for key, inner in entries))


def test_every_place() -> None:
    places = Places(TEXT)
    assert places.all_keys() == keys_of(tomllib.loads(TEXT))
    assert places.key(("top",)) == Place(2, 1)
    assert places.value(("top",)) == Place(2, 7)
    assert places.value(("quoted key", "and\\this", "é")) == Place(3, 36)
    assert places.key(("a",)) == places.key(("a", "b")) == Place(4, 1)
    assert places.value(("a", "b", "list", 1)) == Place(6, 3)
    assert places.value(("a", "b", "list", 2, 1)) == Place(6, 14)
    assert places.value(("a", "b", "list", 3, "y", "z")) == Place(6, 32)
    assert places.key(("c", 0, "name")) == Place(9, 1)
    assert places.key(("c", 1)) == Place(12, 1)
    assert places.value(("c", 1)) == Place(12, 1)
    assert places.value(("c", 1, "inner", "deep")) == Place(15, 8)
    assert places.key(("c", 1, "rows", 0, "n", "missing")) == Place(17, 1)
    assert places.key(("nothing",)) == Place(1, 1)


def test_line_ends_of_windows() -> None:
    assert Places("a = 1\r\n\r\n[b]\r\nc = 2\r\n").value(("b", "c")) == Place(4, 5)


names = st.sampled_from(["a", "b-1", "_c", '"d e"', "'f.g'", '"\\""', '""'])
blanks = st.sampled_from(["", " ", "\t "])
gaps = st.sampled_from(["", " ", "\n", ' # ] } , " = [x]\n'])
numbers = ["1", "-1.5e3", "true", "inf", "0x34", "07:32:00", "1979-05-27 07:32:00Z"]
strings = ['"]"', "'#\"'", '"\\"\\\\"', '""', "''", '"""\n"]"\n"""', '""""""', '"""a"""""']
literals = ["'''\n[x]\n'''", "''''''", "'''a'''''"]
scalars = st.sampled_from([*numbers, *strings, *literals])


def lists(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    entries = st.lists(st.tuples(gaps, inner, gaps).map("".join), max_size=3).map(",".join)
    return st.tuples(st.just("["), gaps, entries, st.just("]")).map("".join)


def inline(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(blanks, names, blanks, st.just("="), blanks, inner, blanks).map("".join)
    return st.lists(pair, max_size=3).map(lambda pairs: "{" + ",".join(pairs) + "}")


values = st.recursive(scalars, lambda inner: lists(inner) | inline(inner), max_leaves=6)
dotted = st.lists(st.tuples(blanks, names, blanks).map("".join), min_size=1, max_size=3).map(".".join)
pairs = st.tuples(dotted, st.just("="), blanks, values, st.sampled_from(["\n", " # end = [\n", "\n\n"])).map("".join)
headers = st.tuples(dotted, st.booleans()).map(lambda made: f"[[{made[0]}]]\n" if made[1] else f"[{made[0]}]\n")


@given(st.lists(headers | pairs, max_size=12).map("".join))
def test_the_keys_are_those_of_tomllib(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    places = Places(text)
    assert places.all_keys() == keys_of(data)
