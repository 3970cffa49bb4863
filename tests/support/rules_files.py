"""Small brands for tests that need rules files, in the one layout."""

from pathlib import Path

KLUSSER = """\
brand "De Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword REPAIR (KEUKEN | BAD) as unit
    reply "Onze monteur voor uw {unit} belt."

keyword REPAIR
    ask "KEUKEN of BAD?" within 1 day
        answer (KEUKEN | BAD) as unit
            reply "{unit} dus."
        silence
            reply "U antwoordde niet."

keyword NPS <score 0..10>
    record nps = score
    reply "Dank u."
"""

GREETING = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword HOI
    reply "Dag!"
"""

OPT_OUT_LINK = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword TIP
    reply "Uit? {link optout}"

keyword NOG
    reply "Nog een tip."

fallback
    reply "Dat begrijpen we niet."
"""

TESTED = """
test "reparatie"
    > repair keuken
    < Onze monteur voor uw keuken belt.
"""

BROKEN = KLUSSER.replace('reply "Dank u."', 'replay "Dank u."')


def write(folder: Path, **files: str) -> Path:
    """Writes files called like the arguments, with `.rules` behind; gives their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.rules").write_text(text, encoding="utf-8")
    return folder
