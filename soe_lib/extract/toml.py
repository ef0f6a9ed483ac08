"""What a planner writes in TOML, held against classes by pydantic: every value that cannot be used is told at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from itertools import takewhile
from typing import Any, ClassVar, TypeVar, get_type_hints

from annotated_types import Predicate

T = TypeVar("T")
DEEPEST = 9
WRONG = [[]]  # type: ignore[var-annotated]
"""Stands for what JSON cannot say, such as a date or a list in a list in a list: no setting is of this type."""
FIXES = {
    "bool_type": "Write true or false.",
    "int_type": "Write a whole number.",
    "float_type": "Write a number.",
    "string_type": "Write a text in quotes.",
}
"""How to mend a value, by what pydantic calls the error."""


class Section:
    """What pydantic keeps to: every value is of its own type, and no name is there that is not known."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"strict": True, "extra": "forbid"}


def among(*words: str) -> Predicate:
    """One of these words."""
    return Predicate(words.__contains__)


def held(kind: type[T], said: Mapping[str, Any], refused: Callable[[tuple[str, ...], str], None]) -> T:
    """What is said, as an object of a class; a value that cannot be used is left to its default.

    Parameters
    ----------
    kind : a dataclass and `Section`; every field has a default.
    said : by the name of the field.
    refused : told of each value that cannot be used: its path, and pydantic's word for what is wrong.
    """
    from pydantic import ValidationError  # a tenth of the time that importing this library takes

    usable = _plain(said)
    while True:
        try:
            found: T = _adapter(kind).validate_json(json.dumps(usable))  # type: ignore[arg-type]
        except ValidationError as error:
            for place, what in {_place(one["loc"]): one["type"] for one in error.errors()}.items():
                refused(place, what)
                _drop(usable, place)
        else:
            return found


@cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def types_of(section: type) -> dict[str, Any]:
    """What each setting of a section may be."""
    kinds = get_type_hints(section, include_extras=True)
    return {one.name: kinds[one.name] for one in fields(section)}


def _plain(value: Any, deep: int = 0) -> Any:
    """A copy in the types of JSON."""
    if isinstance(value, Mapping) and deep <= DEEPEST:
        return {str(name): _plain(one, deep + 1) for name, one in value.items()}
    if isinstance(value, list | tuple) and deep <= DEEPEST:
        return [_plain(one, deep + 1) for one in value]
    return value if value is None or isinstance(value, str | int | float) else WRONG


def _place(at: tuple[Any, ...]) -> tuple[str, ...]:
    """The setting that an error is in, whichever of its values is wrong."""
    return tuple(takewhile(lambda one: isinstance(one, str), at))


def _drop(content: dict[str, Any], place: tuple[str, ...]) -> None:
    for one in place[:-1]:
        content = content[one]
    del content[place[-1]]
