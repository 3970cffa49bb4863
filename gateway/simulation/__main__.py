"""`python -m gateway.simulation`: seeds, one after the other, and what they found."""

from __future__ import annotations

import argparse
import sys

from gateway.simulation.equal_texts import equal_texts
from gateway.simulation.run import simulate


def main() -> int:
    """Run seeds; the exit code says whether anything was found."""
    parser = argparse.ArgumentParser(prog="python -m gateway.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--hours", type=float, default=1 / 6, help="virtual hours of each")
    parser.add_argument("--table", action="store_true", help="print the ledger of each")
    parser.add_argument("--equal-texts", action="store_true", help="nothing but four words, 200 texts a second")
    given = parser.parse_args()
    found = 0
    for seed in range(given.seed, given.seed + given.seeds):
        run = equal_texts(seed, given.hours) if given.equal_texts else simulate(seed, given.hours)
        _say(run.line)
        if given.table:
            _say(run.verdict.table())
            _say(dict(run.counts))
        for finding in run.findings:
            _say(finding)
        found += len(run.findings)
    return 1 if found else 0


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
