"""A set of rules files has one identity, wherever its folder lies."""

from rules.diagnostics import Source
from rules.rulebook import deployment_of, names_below


def test_files_are_named_below_the_innermost_folder_that_holds_them_all() -> None:
    assert names_below([]) == []
    assert names_below(["/srv/brands/a.rules"]) == ["a.rules"]
    assert names_below(["/srv/brands/a.rules", "/srv/brands/b.rules"]) == ["a.rules", "b.rules"]
    assert names_below(["/srv/brands/a.rules", "/srv/more/deep/a.rules"]) == ["brands/a.rules", "more/deep/a.rules"]
    assert names_below(["a.rules", "brands/b.rules"]) == ["a.rules", "brands/b.rules"]


def test_a_set_that_was_moved_as_a_whole_is_the_same_and_one_that_was_moved_within_is_not() -> None:
    def deployed(*files: str) -> str:
        return deployment_of([Source(file, f"# {number}\n") for number, file in enumerate(files)])

    assert deployed("/a/x/1.rules", "/a/y/2.rules") == deployed("b/c/x/1.rules", "b/c/y/2.rules")
    assert deployed("/a/x/1.rules", "/a/y/2.rules") != deployed("/a/x/1.rules", "/a/x/2.rules")
