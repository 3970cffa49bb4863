"""Rules with tests in them, played: what a test of the engine says in the language itself."""

from router.transcript import run_tests
from rules.diagnostics import Source

HEAD = """\
brand "P"
    numbers   {numbers}
    language  nl
    timezone  Europe/Amsterdam
    stop      "P: u bent afgemeld."
"""


def play(rules: str, *settings: str, numbers: str = "4411") -> list[str]:
    """What came otherwise than written; `settings` are more lines of the brand."""
    brand = HEAD.format(numbers=numbers) + "".join(f"    {line}\n" for line in settings)
    results = run_tests([Source("p.rules", f"{brand}\n{rules}")], None)
    assert results, "no test in it"
    return [f"{one.title}: {one.failure.expected} / {one.failure.came}" for one in results if one.failure is not None]
