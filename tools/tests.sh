#!/bin/sh
# All tests, then the coverage gate over the part of the tree that has no I/O of its own; fails if either fails.
# Two processes share the files: many tests wait for timers, servers and disks more than they reckon.
# Arguments go to pytest. pytest's closing line is the last line unless the gate has something to say.
set -u
cd "$(dirname "$0")/.."
bin=${VENV:-.venv}/bin
export COVERAGE_FILE=.coverage
gated=$(grep -v '^#' tools/covered.txt | tr '\n' ',')

"$bin/python" -m pytest --numprocesses 2 --dist loadfile --cov --cov-report= --durations=15 "$@"
tests=$?
if [ "$tests" -eq 0 ]; then
    gate=$("$bin/python" -m coverage report --include="$gated" --fail-under=100 2>&1) || {
        printf '%s\ncoverage: the lines and branches above have no test; everything in tools/covered.txt must be at 100 %%\n' "$gate"
        tests=1
    }
fi
exit $tests
