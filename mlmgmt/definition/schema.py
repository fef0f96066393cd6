"""The contract, read from its JSON Schema: the names, their order, and the type of each member.

Nothing here reads files: the schema is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import Enum, auto
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Set

Path = tuple[str | int, ...]
_MOST_KEY_ORDERS = 4096
"""The most key orders that a shape remembers."""


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning about one place of a document.

    Args:
        path: member names and list indices from the root, names spelled as in the canonical form.
        advice: a sentence that says what is allowed there, where that is known.
    """

    severity: Severity
    code: str
    path: Path
    message: str
    advice: str | None = None


class Kind(Enum):
    OBJECT = auto()
    MAP = auto()
    LIST = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    STRING = auto()
    DATE = auto()
    ENUM = auto()
    FREE = auto()


@dataclass(slots=True)
class Shape:
    """The contract's rules for one place of a document: its kind, and the shapes below it.

    Args:
        members: an object's members, in canonical order.
        item: the shape of a map's values or a list's items.
        words: an enum's words; with `open_words`, other words are kept too.
        bare: the member that takes a bare value given in the place of the object.
        required: the members that an object must have.
        empty_text: whether "" is a value here; otherwise it is read as null.
        nullable: whether null is a value here.
        exact_name: whether another letter case of the name, or of its value, gets a warning.
        hides: whether a member below is read-only, and whether one is write-only; None until `has_hidden` is called.
        key_orders: what `key_order` remembers.
    """

    kind: Kind
    members: dict[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    words: tuple[str, ...] = ()
    open_words: bool = False
    bare: str | None = None
    required: frozenset[str] = frozenset()
    empty_text: bool = True
    nullable: bool = False
    read_only: bool = False
    write_only: bool = False
    exact_name: bool = False
    hides: tuple[bool, bool] | None = None
    key_orders: dict[tuple[str, ...], _KeyOrder] = field(default_factory=dict)

    def key_order(self, keys: tuple[str, ...]) -> _KeyOrder:
        """Return how an object with these member names becomes canonical. Remembered, since few sets of names occur."""
        found = self.key_orders.get(keys)
        if found is None:
            if len(self.key_orders) >= _MOST_KEY_ORDERS:
                self.key_orders.clear()
            found = self.key_orders[keys] = _KeyOrder.of(self, keys)
        return found


@dataclass(frozen=True, slots=True)
class _KeyOrder:
    """How objects with one sequence of member names become canonical.

    Args:
        renames: (name in the text, canonical name) in canonical order; None when nothing changes.
        children: the members whose values may change: all but strings and free values.
        strings: the members that are strings.
        known: the canonical names of the members that the contract knows.
        problems: (name, severity, code, message, advice) of each unusual name.
    """

    renames: tuple[tuple[str, str], ...] | None
    children: tuple[tuple[str, Shape], ...]
    strings: tuple[tuple[str, Shape], ...]
    known: frozenset[str]
    problems: tuple[tuple[str, Severity, str, str, str | None], ...]

    @classmethod
    def of(cls, shape: Shape, keys: tuple[str, ...]) -> _KeyOrder:
        folded = {name.casefold(): name for name in shape.members}
        sources: dict[str, str] = {}
        unknown: list[str] = []
        problems: list[tuple[str, Severity, str, str, str | None]] = []
        for key in sorted(keys, key=lambda name: name not in shape.members):
            name = key if key in shape.members else folded.get(key.casefold())
            if name is None:
                unknown.append(key)
                near = get_close_matches(key.casefold(), folded, n=1)
                advice = f"Did you mean {folded[near[0]]!r}?" if near else f"Known: {', '.join(shape.members)}."
                message = f"{key!r} is not a known member here; it is kept unchanged."
                problems.append((key, Severity.WARNING, "UnknownMember", message, advice))
            elif name in sources:
                message = f"{sources[name]!r} and {key!r} are both given, but are the same member, {name!r}."
                problems.append((name, Severity.ERROR, "DuplicateMember", message, "Remove one of the two."))
            else:
                sources[name] = key
                if key != name and shape.members[name].exact_name:
                    message = f"{key!r} is read as {name!r}; the original service would lose the whole package."
                    problems.append((name, Severity.WARNING, "LooseName", message, f"Write {name!r}."))
        ordered = [name for name in shape.members if name in sources]
        unknown.sort(key=keys.index)
        renames = (*((sources[name], name) for name in ordered), *((key, key) for key in unknown))
        in_place = tuple(source for source, _ in renames) == keys and all(source == name for source, name in renames)
        children = [(name, shape.members[name]) for name in ordered]
        return cls(
            renames=None if in_place else renames,
            children=tuple(pair for pair in children if pair[1].kind not in (Kind.STRING, Kind.FREE)),
            strings=tuple(pair for pair in children if pair[1].kind is Kind.STRING),
            known=frozenset(ordered),
            problems=tuple(problems),
        )


class Contract:
    """A JSON Schema (Draft 2020-12) as the rules for reading and writing documents of one kind."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._shapes: dict[str, Shape] = {}

    @cached_property
    def root(self) -> Shape:
        return self._shape(self.schema)

    def _shape(self, schema: Any) -> Shape:
        if not isinstance(schema, dict):
            return Shape(Kind.FREE)
        if reference := schema.get("$ref"):
            name = str(reference).rsplit("/", 1)[-1]
            if name not in self._shapes:
                # Store the empty shape first: definitions may refer to themselves (module parameters do).
                shape = self._shapes[name] = Shape(Kind.FREE)
                self._fill(shape, self.schema["$defs"][name])
            return _with_flags(self._shapes[name], schema)
        shape = Shape(Kind.FREE)
        self._fill(shape, schema)
        return _with_flags(shape, schema)

    def _fill(self, shape: Shape, schema: Mapping[str, Any]) -> None:
        kinds = schema.get("type")
        if isinstance(kinds, list):
            shape.nullable = "null" in kinds
            kinds = next((kind for kind in kinds if kind != "null"), None)
        shape.bare = schema.get("x-bare-value")
        shape.required = frozenset(schema.get("required", ()))
        if "properties" in schema:
            shape.kind = Kind.OBJECT
            shape.members = {name: self._shape(below) for name, below in schema["properties"].items()}
        elif "enum" in schema:
            shape.kind, shape.words = Kind.ENUM, tuple(schema["enum"])
        elif "anyOf" in schema:
            # The published swagger marks such an enum with modelAsString.
            shape.kind, shape.words, shape.open_words = Kind.ENUM, tuple(schema["anyOf"][0]["enum"]), True
        elif kinds == "object":
            shape.kind, shape.item = Kind.MAP, self._shape(schema.get("additionalProperties"))
        elif kinds == "array":
            shape.kind, shape.item = Kind.LIST, self._shape(schema["items"]) if "items" in schema else None
        elif kinds == "boolean":
            shape.kind = Kind.BOOLEAN
        elif kinds == "integer":
            shape.kind = Kind.INTEGER
        elif kinds == "string":
            shape.kind = Kind.DATE if schema.get("format") == "date-time" else Kind.STRING
        is_text = shape.kind is Kind.STRING
        shape.empty_text = shape.kind is Kind.FREE or (is_text and not schema.get("x-empty-is-null"))

    @cached_property
    def is_valid(self) -> Callable[[Any], bool]:
        """The quick check whether a canonical document obeys the schema; `violations` says why not."""
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(dict(self.schema)).is_valid

    def violations(self, document: Any, *, empty: Set[Path] = frozenset()) -> Iterator[Problem]:
        """Yield every place where a canonical document breaks the schema.

        Args:
            empty: the places of required members that were an empty string.
        """
        from jsonschema import Draft202012Validator

        seen: set[Path] = set()
        for error in Draft202012Validator(self.schema).iter_errors(document):
            path: Path = tuple(error.absolute_path)
            if error.validator != "required":
                yield Problem(
                    Severity.ERROR, *_describe_violation(error.validator, error.validator_value, error.instance, path)
                )
            elif path not in seen:
                # The validator reports each missing member, and every report lists all required ones.
                seen.add(path)
                for name in error.validator_value:
                    if name not in error.instance:
                        words = ", ".join(self._at(path).members[name].words)
                        advice = f"Allowed: {words}." if words else None
                        place = (*path, name)
                        message = f"{name!r} is {'empty' if place in empty else 'missing'}; it is required."
                        where = place if place in empty else path
                        yield Problem(Severity.ERROR, "MissingMember", where, message, advice)

    def _at(self, path: Path) -> Shape:
        """Return the shape at a place of a canonical document."""
        shape = self.root
        for step in path:
            below = shape.members.get(str(step)) if shape.kind is Kind.OBJECT else shape.item
            assert below is not None
            shape = below
        return shape


def _describe_violation(rule: str, allowed: Any, found: Any, path: Path) -> tuple[str, Path, str, str]:
    text = describe(found)
    if rule == "type":
        kinds = allowed if isinstance(allowed, list) else [allowed]
        return "WrongType", path, f"{text} has the wrong type.", f"Allowed: {' or '.join(kinds)}."
    if rule == "enum":
        return "UnknownValue", path, f"{text} is not a known value.", f"Allowed: {', '.join(map(str, allowed))}."
    if rule == "minimum":
        return "OutOfRange", path, f"{text} is too small.", f"Allowed: at least {allowed}."
    if rule == "maximum":
        return "OutOfRange", path, f"{text} is too large.", f"Allowed: at most {allowed}."
    return "Invalid", path, f"{text} is not allowed here.", f"The rule is {rule}: {allowed}."


def describe(value: Any) -> str:
    """Return a value as a short text, for messages."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = text or repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _with_flags(shape: Shape, schema: Mapping[str, Any]) -> Shape:
    flags: dict[str, Any] = {
        "read_only": bool(schema.get("readOnly")),
        "write_only": bool(schema.get("writeOnly")),
        "exact_name": bool(schema.get("x-exact-name")),
    }
    return replace(shape, **flags) if any(flags.values()) else shape


def has_hidden(shape: Shape) -> tuple[bool, bool]:
    """Whether a member below a shape is read-only, and whether one is write-only."""
    if shape.hides is None:
        shape.hides = False, False  # ends the recursion: definitions may refer to themselves
        below = [*shape.members.values(), *([shape.item] if shape.item is not None else [])]
        shape.hides = (
            any(child.read_only or has_hidden(child)[0] for child in below),
            any(child.write_only or has_hidden(child)[1] for child in below),
        )
    return shape.hides


def without(document: Any, shape: Shape, *, read_only: bool = False, write_only: bool = False) -> Any:
    """Return a canonical document without its read-only members, its write-only members, or both.

    Parts that do not change are shared with the given document.
    """
    reads, writes = shape.hides or has_hidden(shape)
    if not (reads and read_only) and not (writes and write_only):
        return document
    if shape.kind is Kind.OBJECT and isinstance(document, dict):
        kept = {}
        for name, value in document.items():
            child = shape.members.get(name)
            if child is None:
                kept[name] = value
            elif not ((read_only and child.read_only) or (write_only and child.write_only)):
                kept[name] = without(value, child, read_only=read_only, write_only=write_only)
        return kept
    if shape.kind is Kind.MAP and shape.item is not None and isinstance(document, dict):
        item = shape.item
        return {
            key: without(value, item, read_only=read_only, write_only=write_only) for key, value in document.items()
        }
    if shape.kind is Kind.LIST and shape.item is not None and isinstance(document, list):
        return [without(value, shape.item, read_only=read_only, write_only=write_only) for value in document]
    return document
