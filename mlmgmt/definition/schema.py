"""The contract, read from its JSON Schema: which names it has, in which order, and what stands where.

Everything here takes values and gives values; the schema arrives as an argument.
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


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, or worth knowing, at one place of a document.

    Args:
        path: member names and list indices from the root, names spelled as in the canonical form.
        allowed: what would be right there, when that can be said.
    """

    severity: Severity
    code: str
    path: Path
    message: str
    allowed: str | None = None


class Kind(Enum):
    OBJECT = auto()
    MAP = auto()
    LIST = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    STRING = auto()
    ENUM = auto()
    FREE = auto()


@dataclass(slots=True)
class Shape:
    """What the contract says of one place: its kind, and the shapes below it.

    `members` (objects) are in canonical order; `item` is the shape of a map's values or a list's items; `words` are
    an enum's spellings, and `open_words` says that others are kept too; `bare` names the member that a bare scalar
    stands for; `required` has the members that an object must have; `empty_text` says whether "" is a value here, not
    the same as null; `nullable` whether null is; `hides` says whether a member somewhere below is read-only or
    write-only, once `hiding` has looked.
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
        """How an object with these member names becomes canonical; remembered, since few sets of names occur."""
        found = self.key_orders.get(keys)
        if found is None:
            if len(self.key_orders) >= _MOST_KEY_ORDERS:
                self.key_orders.clear()
            found = self.key_orders[keys] = _KeyOrder.of(self, keys)
        return found


@dataclass(frozen=True, slots=True)
class _KeyOrder:
    """For one tuple of member names: the canonical order, the children to look into, and what is odd about them."""

    renames: tuple[tuple[str, str], ...] | None  # (name in the text, canonical name); None when all is in place
    children: tuple[tuple[str, Shape], ...]
    strings: tuple[tuple[str, Shape], ...]
    known: frozenset[str]
    oddities: tuple[tuple[str, Severity, str, str, str | None], ...]

    @classmethod
    def of(cls, shape: Shape, keys: tuple[str, ...]) -> _KeyOrder:
        folded = {name.casefold(): name for name in shape.members}
        sources: dict[str, str] = {}
        unknown: list[str] = []
        oddities: list[tuple[str, Severity, str, str, str | None]] = []
        for key in sorted(keys, key=lambda name: name not in shape.members):
            name = key if key in shape.members else folded.get(key.casefold())
            if name is None:
                unknown.append(key)
                near = get_close_matches(key.casefold(), folded, n=1)
                allowed = f"did you mean {folded[near[0]]!r}?" if near else f"known here: {', '.join(shape.members)}"
                message = f"{key!r} is not a member the contract knows here; it is kept as it is."
                oddities.append((key, Severity.WARNING, "UnknownMember", message, allowed))
            elif name in sources:
                message = f"{sources[name]!r} and {key!r} are both given; they are one member, {name!r}."
                oddities.append((name, Severity.ERROR, "DuplicateMember", message, "one of the two"))
            else:
                sources[name] = key
                if key != name and shape.members[name].exact_name:
                    message = f"{key!r} is read as {name!r}; the original service would have lost the whole package."
                    oddities.append((name, Severity.WARNING, "LooseName", message, repr(name)))
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
            oddities=tuple(oddities),
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
                # The empty shape goes in first: definitions refer to themselves (module parameters do).
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
            shape.kind = Kind.STRING
        is_text = shape.kind is Kind.STRING and schema.get("format") != "date-time"
        shape.empty_text = shape.kind is Kind.FREE or (is_text and not schema.get("x-empty-is-null"))

    @cached_property
    def is_valid(self) -> Callable[[Any], bool]:
        """Decides quickly whether a canonical document obeys the schema, without saying why not."""
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(dict(self.schema)).is_valid

    def violations(self, document: Any, *, empty: Set[Path] = frozenset()) -> Iterator[Problem]:
        """Every place where a canonical document breaks the schema, and what is allowed there.

        Args:
            empty: the places of required members that were given as an empty text.
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
                # There is an error for each missing member, and all of them list every required one.
                seen.add(path)
                for name in error.validator_value:
                    if name not in error.instance:
                        allowed = ", ".join(self._at(path).members[name].words) or f"{name!r} is required"
                        place = (*path, name)
                        message = f"{name!r} is missing{': its text is empty' if place in empty else ''}."
                        where = place if place in empty else path
                        yield Problem(Severity.ERROR, "MissingMember", where, message, allowed)

    def _at(self, path: Path) -> Shape:
        """The shape at a place of a canonical document."""
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
        return "WrongType", path, f"{text} is of the wrong type.", " or ".join(kinds)
    if rule == "enum":
        return "UnknownValue", path, f"{text} is not a value the contract knows.", ", ".join(map(str, allowed))
    if rule == "minimum":
        return "OutOfRange", path, f"{text} is too small.", f"at least {allowed}"
    if rule == "maximum":
        return "OutOfRange", path, f"{text} is too large.", f"at most {allowed}"
    return "Invalid", path, f"{text} is not allowed here.", f"{rule}: {allowed}"


def describe(value: Any) -> str:
    """A value in a few words, for messages."""
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
    """Whether anything below a shape is read-only, and whether anything is write-only."""
    if shape.hides is None:
        shape.hides = False, False  # while looking: definitions refer to themselves
        below = [*shape.members.values(), *([shape.item] if shape.item is not None else [])]
        shape.hides = (
            any(child.read_only or has_hidden(child)[0] for child in below),
            any(child.write_only or has_hidden(child)[1] for child in below),
        )
    return shape.hides


def without(document: Any, shape: Shape, *, read_only: bool = False, write_only: bool = False) -> Any:
    """A canonical document without the members that only the service sets, or only the user.

    What nothing is taken from is shared with the document given.
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
