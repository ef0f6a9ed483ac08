"""SQL as sources.toml may say it: one reading statement, bound parameters, names that the database itself lists."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
PARAMETERS = ("as_of", "company", "currency")
PIECE = re.compile(
    r"""'(?:[^']|'')*'            # a text
      | "(?:[^"]|"")*"            # a quoted name
      | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$   # a dollar-quoted text
      | --[^\n]*                  # a remark to the line's end
      | /\*.*?\*/                 # a remark
      | ::                        # a cast
      | (?P<bound>:[A-Za-z_]\w*)  # a parameter
      | (?P<end>;)
      | (?P<percent>%)
    """,
    re.VERBOSE | re.DOTALL,
)
STYLES = {"postgresql": "%({})s", "duckdb": "${}", "sqlite": ":{}"}


class RefusedError(Exception):
    """Why a query or a name is not sent to a database, and what to write instead."""

    def __init__(self, rule: str, fix: str) -> None:
        self.fix = fix
        super().__init__(rule)


def identifier(name: str) -> str:
    """A name of a table or column, quoted for SQL; "schema.table" is quoted part by part.

    Raises
    ------
    RefusedError : it is no plain name.
    """
    parts = name.split(".")
    if len(parts) > 3 or not all(NAME.fullmatch(part) for part in parts):
        raise RefusedError(
            "Not a name of a table or column.", "Write letters, digits and _ alone, such as planning.items."
        )
    return ".".join(f'"{part}"' for part in parts)


def statement(query: str, kind: str) -> tuple[str, tuple[str, ...]]:
    """The query as a driver takes it, and the names of the parameters that it binds.

    Parameters
    ----------
    query : one SELECT (or WITH … SELECT); `:as_of` and the like are bound, never pasted.
    kind : postgresql, duckdb or sqlite.

    Raises
    ------
    RefusedError : more than one statement, a statement that does not read, or an unknown parameter.
    """
    text = query.strip()
    bare = PIECE.sub(lambda found: " " if found.group().startswith(("--", "/*")) else found.group(), text).strip()
    if not re.match(r"(?i)(select|with)\b", bare):
        raise RefusedError("The query does not read: it does not begin with SELECT or WITH.", "Write one SELECT.")
    ends = [found.start() for found in PIECE.finditer(bare) if found.group("end")]
    if any(bare[at + 1 :].strip() for at in ends):
        raise RefusedError("The query holds more than one statement.", "Write one SELECT, without a semicolon.")
    bare = bare[: ends[0]] if ends else bare
    names: dict[str, None] = {}

    def put(found: re.Match[str]) -> str:
        if found.group("percent") or (kind == "postgresql" and "%" in found.group()):
            return found.group().replace("%", "%%") if kind == "postgresql" else found.group()
        if not found.group("bound"):
            return found.group()
        name = found.group("bound")[1:]
        if name not in PARAMETERS:
            raise RefusedError(f"The query asks for an unknown parameter :{name}.", f"Use :{', :'.join(PARAMETERS)}.")
        names[name] = None
        return STYLES[kind].format(name)

    return PIECE.sub(put, bare), tuple(names)
