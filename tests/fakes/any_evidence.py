"""Evidence of every form that its types allow, for hypothesis: built from the annotations, so that no field escapes.

@given(any_evidence())
"""

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from numseal.domain.evidence import Evidence

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(codec="utf-8"), max_size=12),
    int: st.one_of(st.integers(0, 2**63 - 1), st.integers(1_700_000_000, 1_800_000_000)),
    bool: st.booleans(),
}


@cache
def any_evidence() -> st.SearchStrategy[Evidence]:
    """Draw evidence with any values in any field."""
    return _any(Evidence, ())


def _any(hint: Any, bound: tuple[tuple[Any, Any], ...]) -> st.SearchStrategy[Any]:
    if isinstance(hint, TypeVar):
        hint = dict(bound)[hint]
    hint = getattr(hint, "__supertype__", hint)  # of a NewType
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return st.lists(_any(arguments[0], bound), max_size=2).map(tuple)
    if NoneType in arguments:
        return st.none() | _any(arguments[0], bound)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    kind = origin or hint
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    inner = tuple(zip(getattr(kind, "__parameters__", ()), arguments, strict=True))
    return st.builds(kind, **{item.name: _any(hints[item.name], inner) for item in fields(kind)})  # type: ignore[arg-type]
