"""Rules files are found, read as written, and told about when they cannot be."""

import os
from pathlib import Path

import pytest

from gateway import rules_loader
from gateway.rules_loader import fingerprint, load_sources, write_source
from rules.diagnostics import Source, render
from tests.support.rules_files import write


def said(folder: Path, *paths: Path) -> list[str]:
    """What is wrong, without the folder that differs each time."""
    return [render(one, {}).replace(str(folder), "…") for one in load_sources(paths or (folder,)).diagnostics]


def test_a_folder_gives_its_rules_files_at_any_depth_in_order(tmp_path: Path) -> None:
    write(tmp_path, b="# b\n", a="# a\n")
    write(tmp_path / "more", c="# c\r\n")
    (tmp_path / "notes.txt").write_text("no rules")
    loaded = load_sources([tmp_path])
    assert loaded.diagnostics == ()
    assert [(Path(one.file).relative_to(tmp_path).as_posix(), one.text) for one in loaded.sources] == [
        ("a.rules", "# a\n"),
        ("b.rules", "# b\n"),
        ("more/c.rules", "# c\r\n"),
    ]


def test_hidden_files_and_folders_are_not_rules(tmp_path: Path) -> None:
    write(tmp_path, a="# a\n", **{".#a": "half written"})
    write(tmp_path / "..2026_11_22", a="an older version")
    assert [Path(one.file).name for one in load_sources([tmp_path]).sources] == ["a.rules"]
    assert len(load_sources([tmp_path]).sources) == 1


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, a="# a\n")
    (tmp_path / "link.rules").symlink_to(tmp_path / "a.rules")
    assert len(load_sources([tmp_path / "a.rules", tmp_path]).sources) == 1


def test_a_file_may_be_called_anything_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "brand.txt").write_text("# x\n")
    assert load_sources([tmp_path / "brand.txt"]).sources == (Source(str(tmp_path / "brand.txt"), "# x\n"),)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    assert said(tmp_path, tmp_path / "brandz", tmp_path) == [
        "…/brandz:1:1: error R001: There is no such file or folder.\n  help: Is the path right?",
        "…:1:1: error R005: No file below this folder is named *.rules.\n"
        "  help: Write one, for example …/my-brand.rules.",
    ]


def test_what_is_neither_file_nor_folder_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert said(tmp_path, tmp_path / "pipe") == [
        "…/pipe:1:1: error R001: This is neither a file nor a folder.\n  help: Is the path right?"
    ]


def test_octets_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.rules").write_bytes("# café\n# é".encode() + b"\xe9\n")
    assert said(tmp_path) == [
        "…/a.rules:2:4: error R002: This is not UTF-8.\n  help: Save the file as UTF-8 in your editor."
    ]


def test_a_file_and_a_folder_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="# 3456789\n", b="#\n")
    monkeypatch.setattr(rules_loader, "MOST_OCTETS", 9)
    assert said(tmp_path) == [
        "…/a.rules:1:1: error R003: This file has more than 9 octets.\n  help: Is it a rules file?"
    ]
    monkeypatch.setattr(rules_loader, "MOST_FILES", 1)
    assert said(tmp_path) == [
        "…:1:1: error R003: There are more than 1 rules files below this folder.\n"
        "  help: Name the folder that holds your brands."
    ]


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="#\n")

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    assert said(tmp_path) == [
        "…/a.rules:1:1: error R004: This file cannot be read: Permission denied.\n  help: Look at its permissions."
    ]


def test_writing_keeps_permissions_and_links_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, a="# old\n")
    (tmp_path / "a.rules").chmod(0o640)
    (tmp_path / "link.rules").symlink_to(tmp_path / "a.rules")
    assert write_source(str(tmp_path / "link.rules"), "# new\r\n") is None
    assert (tmp_path / "a.rules").read_bytes() == b"# new\r\n"
    assert (tmp_path / "a.rules").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link.rules").is_symlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.rules", "link.rules"]


def test_what_cannot_be_written_is_told_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="# old\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    trouble = write_source(str(tmp_path / "a.rules"), "# new\n")
    assert trouble is not None
    assert trouble.message == "This file cannot be written: No space left on device."
    assert [file.read_text() for file in tmp_path.iterdir()] == ["# old\n"]


def test_the_fingerprint_changes_with_content_names_and_permissions(tmp_path: Path) -> None:
    write(tmp_path, a="#\n")
    seen = [fingerprint([tmp_path])]
    assert fingerprint([tmp_path]) == seen[0]
    write(tmp_path, a="# more\n")
    seen.append(fingerprint([tmp_path]))
    write(tmp_path, b="#\n")
    seen.append(fingerprint([tmp_path]))
    (tmp_path / "b.rules").rename(tmp_path / "c.rules")
    seen.append(fingerprint([tmp_path]))
    (tmp_path / "c.rules").chmod(0o600)
    seen.append(fingerprint([tmp_path]))
    assert len(set(seen)) == 5


def test_what_is_not_there_has_no_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fingerprint([tmp_path / "brandz", tmp_path]) == ()
    monkeypatch.setattr(rules_loader, "list_files", lambda path: [path / "gone.rules"])
    assert fingerprint([tmp_path]) == ()
