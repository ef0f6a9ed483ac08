"""Validates TOML against dataclasses with pydantic, and reports every unusable value at once."""

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
"""Placeholder for values that JSON lacks, such as dates and deep nesting; no setting has this type."""
FIXES = {
    "bool_type": "Write true or false.",
    "int_type": "Write a whole number.",
    "float_type": "Write a number.",
    "string_type": "Write a text in quotes.",
}
"""How to fix a value, by pydantic's error type."""


class Section:
    """Base of settings sections: pydantic checks types strictly and forbids unknown names."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"strict": True, "extra": "forbid"}


def among(*words: str) -> Predicate:
    """Predicate: the value is one of these words."""
    return Predicate(words.__contains__)


def held(kind: type[T], values: Mapping[str, Any], refused: Callable[[tuple[str, ...], str], None]) -> T:
    """The values as an object of a class; an unusable value gets its default.

    Parameters
    ----------
    kind : a dataclass and `Section`; every field has a default.
    values : by name of the field.
    refused : called for each unusable value with its path and pydantic's error type.
    """
    from pydantic import ValidationError  # imported here: it takes a tenth of this library's import time

    usable = _plain(values)
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
    """The type of each setting of a section."""
    kinds = get_type_hints(section, include_extras=True)
    return {one.name: kinds[one.name] for one in fields(section)}


def _plain(value: Any, deep: int = 0) -> Any:
    """A copy with JSON types."""
    if isinstance(value, Mapping) and deep <= DEEPEST:
        return {str(name): _plain(one, deep + 1) for name, one in value.items()}
    if isinstance(value, list | tuple) and deep <= DEEPEST:
        return [_plain(one, deep + 1) for one in value]
    return value if value is None or isinstance(value, str | int | float) else WRONG


def _place(at: tuple[Any, ...]) -> tuple[str, ...]:
    """The path of the setting that contains an error."""
    return tuple(takewhile(lambda one: isinstance(one, str), at))


def _drop(content: dict[str, Any], place: tuple[str, ...]) -> None:
    for one in place[:-1]:
        content = content[one]
    del content[place[-1]]
