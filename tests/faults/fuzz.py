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


def seeds(folder: Path) -> None:
    """A corpus to start from: every table of the company as it should be."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(bytes([number]) + FILES[name].encode())


def escaped(data: bytes) -> BaseException | None:
    """What escapes the check of a company with this file, besides the library's own errors; None where nothing does."""
    from soe_lib.extract.check import check

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

    limit = f"-max_total_time={int(60 * given.minutes)}"
    atheris.Setup([sys.argv[0], limit, "-max_len=4096", "-rss_limit_mb=4096", f"-artifact_prefix={given.finds}/", str(corpus)], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
