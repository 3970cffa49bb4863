"""`kwek check`, `kwek fmt` and `kwek test`: what is wrong with rules files, their one layout, and their transcripts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.books import Config, load_grants
from gateway.commands.output import Form, Format, Paths, counted, print_diagnostics
from gateway.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.transcript import TestResult
    from rules.diagnostics import Diagnostic, Source

OnlyCheck = Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file is not in the layout.")]


def check(paths: Paths, form: Format = Form.TEXT, config: Config = None) -> None:
    """Tell everything that is wrong with rules files; exit 1 when something is."""
    from gateway.binding import grants_of
    from gateway.commands.running import load_settings
    from gateway.rules_loader import load_sources
    from router.emails import undelivered
    from router.spending import unpriced
    from rules.compiler import compile_sources
    from rules.diagnostics import has_errors, in_order

    loaded = load_sources(paths)
    settings = None if config is None else load_settings(config)
    compiled = compile_sources(loaded.sources, None if settings is None else grants_of(settings))
    diagnostics = in_order([*loaded.diagnostics, *compiled.diagnostics])
    print_diagnostics(diagnostics, loaded.sources, form)
    if settings is not None and compiled.book is not None:
        currencies = {one.segment.currency for one in settings.prices}
        for sentence in (*unpriced(compiled.book, currencies), *undelivered(compiled.book, bool(settings.email.host))):
            print(f"warning: {sentence}", file=sys.stderr)
    print(_summary(len(loaded.sources), diagnostics), file=sys.stderr)
    raise typer.Exit(Exit.FAILED if has_errors(diagnostics) else Exit.OK)


def fmt(paths: Paths, form: Format = Form.TEXT, only_check: OnlyCheck = False) -> None:
    """Put rules files into the one layout, in place; exit 1 when one cannot be read."""
    from gateway.rules_loader import load_sources
    from rules.diagnostics import has_errors, in_order

    loaded = load_sources(paths)
    found = [*loaded.diagnostics]
    for source in loaded.sources:
        found += _put_right(source, only_check)
    diagnostics = in_order(found)
    changed = [one for one in diagnostics if one.code == "R010"]
    if form is Form.JSON:
        print_diagnostics(diagnostics, loaded.sources, form)
    else:
        print_diagnostics([one for one in diagnostics if one.code != "R010"], loaded.sources, form)
        for one in changed:
            print(f"{one.span.file}: {'not in' if only_check else 'put into'} the layout")
    words = "to change" if only_check else "changed"
    print(f"{counted(len(loaded.sources), 'file')}, {len(changed)} {words}", file=sys.stderr)
    raise typer.Exit(Exit.FAILED if has_errors(diagnostics) else Exit.OK)


def test(paths: Paths, form: Format = Form.TEXT, config: Config = None) -> None:
    """Play the conversations in rules files; exit 1 when one comes out otherwise than written."""
    from gateway.rules_loader import load_sources
    from router.transcript import run_tests
    from rules.compiler import compile_sources
    from rules.diagnostics import has_errors, in_order

    grants = load_grants(config)
    loaded = load_sources(paths)
    diagnostics = [*loaded.diagnostics, *compile_sources(loaded.sources, grants).diagnostics]
    errors = in_order(one for one in diagnostics if one.severity == "error")
    results = [] if has_errors(errors) else run_tests(loaded.sources, grants)
    failures = [_told(result) for result in results if result.failure is not None]
    print_diagnostics([*errors, *failures], loaded.sources, form)
    if errors:
        print(_summary(len(loaded.sources), errors) + "; no test was played", file=sys.stderr)
    else:
        print(f"{counted(len(results), 'test')}, {len(failures)} failed", file=sys.stderr)
    raise typer.Exit(Exit.FAILED if errors or failures else Exit.OK)


def _put_right(source: Source, only_check: bool) -> Sequence[Diagnostic]:
    """Formats one file where it stands; what is to be said about it."""
    from gateway.rules_loader import write_source
    from rules.diagnostics import Diagnostic
    from rules.format import format_file
    from rules.syntax import Span

    text, diagnostics = format_file(source)
    if text is None:
        return diagnostics
    if text == source.text:
        return ()
    span = Span(source.file, 1, 1, 1, 2)
    if only_check:
        return (Diagnostic("R010", "error", span, "This file is not in the layout.", "`kwek fmt` puts it right."),)
    trouble = write_source(source.file, text)
    return (trouble or Diagnostic("R010", "note", span, "This file was put into the layout.", ""),)


def _told(result: TestResult) -> Diagnostic:
    """A conversation that came out otherwise, as the fault of the line where it did."""
    from rules.diagnostics import Diagnostic

    failure = result.failure
    assert failure is not None
    came = "` and `".join(failure.came.split("\n"))
    message = f"The test `{result.title}` expects `{failure.expected}` here, but there came `{came}`."
    return Diagnostic("T001", "error", failure.span, message, "Change the rules, or the test if the rules are right.")


def _summary(files: int, diagnostics: Sequence[Diagnostic]) -> str:
    """One line: how many files, how many faults of each weight."""
    words = [counted(files, "file")]
    for severity in ("error", "warning", "note"):
        number = sum(diagnostic.severity == severity for diagnostic in diagnostics)
        if number or severity == "error":
            words.append(counted(number, severity))
    return ", ".join(words)
