"""Coverage-guided fuzzing of the loaders: `python -m tests.faults.fuzz --minutes 60 --finds DIR` (needs atheris).

The first byte picks a table of a small company, the others are its file. Whatever they are, the check must answer with
findings; what escapes it otherwise is kept in DIR, one file for each place in the code, to be made a test.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from soe_lib.errors import SoeError
from tests.unit.extract.company import FILES, write

NAMES = sorted(FILES)


WORDS = (
    b"NaN", b"1e999", b"-0", b"1.234,56", b"=1+1", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc2\xa0", b"\xe9", b"\r", b"\x00",
    b'"', b'""', b";", b"2026-W54", b"2026-13", b"30/02/2026", b"45992", b"9999-12-31", b"../", b"[control]", b"rows = 3",
)  # fmt: skip
"""What a file may hold that its reader has to think about."""


def seeds(folder: Path) -> None:
    """A corpus to start from: every table of the company as it should be, and delivered in several unlucky ways."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        for way, content in enumerate(delivered(FILES[name].encode())):
            (folder / f"{name}-{way}").write_bytes(bytes([number]) + content)


def delivered(content: bytes) -> list[bytes]:
    """A file as it is, with a byte order mark, as Windows and Excel write it, quoted, twice over, cut off, and long."""
    head, _, rows = content.partition(b"\n")
    return [
        content,
        b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
        content.replace(b",", b";"),
        content.replace(b",", b'","').replace(b"\n", b'"\n"'),
        content + rows,
        content[: len(content) * 2 // 3],
        head + b"\n" + rows * 40,
        content.decode().replace("e", "é").encode("cp1252"),
    ]


def escaped(data: bytes) -> BaseException | None:
    """What escapes the check of a company with this file, besides the library's own errors; None where nothing does."""
    from soe_lib.model.checks import check

    if not data:
        return None
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), {NAMES[data[0] % len(NAMES)]: data[1:]})
        try:
            report = check(folder)
            assert report.text()
        except SoeError:
            return None
        except Exception as error:
            return error
    return None


def place(error: BaseException) -> str:
    """Type and innermost line of this library that an error came from."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if "soe_lib" in frame.filename]
    return f"{type(error).__name__}-{Path(own[-1].filename).stem}-{own[-1].lineno}" if own else type(error).__name__


def main() -> int:
    """Fuzz for so long; the number of different finds is printed when the time is over."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=60.0)
    asked.add_argument("--finds", type=Path, default=Path("fuzz-finds"))
    given = asked.parse_args()
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["soe_lib.extract"]):
        import soe_lib.extract.check  # noqa: F401

    corpus = given.finds / "corpus"
    seeds(corpus)

    def one(data: bytes) -> None:
        if (error := escaped(data)) is not None:
            kept = given.finds / place(error)
            if not kept.exists():
                kept.write_bytes(data)
                print(f"FIND {kept.name}: {str(error)[:120]}", flush=True)

    words = given.finds / "words"
    words.write_text("".join('"' + "".join(rf"\x{byte:02x}" for byte in word) + '"\n' for word in WORDS))
    asked_of_it = {
        "max_total_time": int(60 * given.minutes), "max_len": 4096, "len_control": 0, "rss_limit_mb": 4096,
        "timeout": 120, "dict": words, "artifact_prefix": f"{given.finds}/",
    }  # fmt: skip
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in asked_of_it.items()), str(corpus)], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
