"""A draw comes out the same for whoever repeats it with the tools of any machine."""

import hashlib
import subprocess

import pytest

from router.draws import draw, rank_of

ENTRIES = [f"3161234567{i}" for i in range(10)]


def test_the_lowest_ranks_win_and_the_draw_repeats() -> None:
    drawn = draw(ENTRIES, "zomer 2026", 3)
    assert draw(reversed(ENTRIES), "zomer 2026", 3) == drawn
    ranks = sorted((hashlib.sha256(f"zomer 2026\n{entry}".encode()).hexdigest(), entry) for entry in ENTRIES)
    assert [(one.rank, one.entry) for one in drawn.winners] == ranks[:3]
    assert (drawn.seed, drawn.entries) == ("zomer 2026", 10)
    assert draw(ENTRIES, "winter 2026", 3).winners != drawn.winners


def test_anybody_can_check_it_with_sha256sum() -> None:
    told = subprocess.run(
        ["sh", "-c", "printf '%s\\n%s' 'zomer 2026' 31612345670 | sha256sum"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split()[0] == rank_of("zomer 2026", "31612345670")
    listed = subprocess.run(
        ["sha256sum"], input="".join(f"{entry}\n" for entry in sorted(ENTRIES)), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert listed.stdout.split()[0] == draw(ENTRIES, "s", 1).digest


def test_an_entry_takes_part_once_and_few_entries_all_win() -> None:
    drawn = draw([*ENTRIES[:2], ENTRIES[0]], "s", 5)
    assert drawn.entries == 2
    assert {one.entry for one in drawn.winners} == set(ENTRIES[:2])
    assert draw([], "s", 1).winners == ()


def test_every_entry_is_as_likely() -> None:
    won = dict.fromkeys(ENTRIES, 0)
    for seed in range(2_000):
        won[draw(ENTRIES, str(seed), 1).winners[0].entry] += 1
    assert all(140 < count < 260 for count in won.values())  # four standard deviations of 13.4 about 200


@pytest.mark.parametrize(("seed", "winners", "said"), [("", 1, "seed"), ("a\nb", 1, "seed"), ("s", 0, "one winner")])
def test_a_draw_that_could_not_be_repeated_is_refused(seed: str, winners: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        draw(ENTRIES, seed, winners)
