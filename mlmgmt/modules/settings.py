"""How a learner is declared: its settings, each with a second parameter for the range that a sweep tries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmgmt.modules.base import Arguments, Module, Parameter, Port, PortType, Task
from mlmgmt.modules.learners import Untrained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SINGLE, RANGE = "SingleParameter", "ParameterRange"
MODE = Parameter("Create trainer mode", "choice", SINGLE, choices=(SINGLE, RANGE))
SEED = Parameter("Random number seed", "integer", minimum=0, maximum=2**32 - 1)
UNKNOWN_LEVELS = Parameter(
    "Allow unknown levels in categorical features", "boolean", "True", label="Allow unknown categorical levels"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A learner's setting: one value, or a range of them that a sweep tries.

    Args:
        single: the parameter for one value; its `when` is filled in.
        range: the key of the parameter for a range, with `values` as its default. If empty, it is never swept.
        label: the label of the range.
    """

    single: Parameter
    range: str = ""
    values: str = ""
    label: str | None = None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if not self.range:
            return (self.single,)
        many: Any = {"integer": "integers", "float": "floats"}[self.single.type]
        swept = replace(self.single, key=self.range, type=many, default=self.values, label=self.label, aliases=())
        return (replace(self.single, when=(MODE.key, (SINGLE,))), replace(swept, when=(MODE.key, (RANGE,))))

    @property
    def swept(self) -> bool:
        """Whether a sweep tries its range; a setting without effect would only repeat the same runs."""
        return bool(self.range) and self.single.without_effect is None

    def read(self, arguments: Arguments) -> tuple[Any, tuple[Any, ...]]:
        """Return its value, and what a sweep tries: the given range, or else the learner's default range."""
        if not self.range:
            return arguments.get(self.single.key), ()
        single, swept = self.parameters
        if arguments.get(swept.key):
            return arguments[swept.key][0], arguments[swept.key]
        default = swept.parse(self.values)
        return arguments.get(single.key, default[0]), default


def seed_of(settings: Mapping[str, Any]) -> int:
    """Return the seed of a learner: the given one, or else always the same one, so that training can be repeated."""
    seed = settings.get(SEED.key)
    return 0 if seed is None else int(seed)


def learner(
    name: str,
    guid: str,
    task: Task,
    parameters: Sequence[Parameter | Setting],
    build: Callable[[Mapping[str, Any]], Any],
    *,
    category: str,
    maps_to: str,
    form: str,
    scaler: Callable[[Mapping[str, Any]], Any] | None = None,
    complete: bool = True,
    finite: bool = True,
    weighted: bool = False,
    spread: bool = False,
    folds: int = 0,
    counts: bool = False,
    unknown: Parameter = UNKNOWN_LEVELS,
) -> Module:
    """Return the module of a learner: it has no inputs, and one output with the untrained learner.

    See `learners.Untrained` for the arguments that are not listed.

    Args:
        unknown: the parameter that says whether categories unseen in training are scored.
    """
    settings = [item for item in parameters if isinstance(item, Setting)]

    def run(_: Mapping[str, Any], arguments: Arguments) -> tuple[Untrained]:
        values, ranges = dict(arguments), {}
        for setting in settings:
            value, tried = setting.read(arguments)
            values[setting.single.key] = value
            if setting.swept and MODE.key in arguments:
                ranges[setting.single.key] = tried
        untrained = Untrained(
            name,
            task,
            values,
            ranges,
            build,
            scaler=scaler,
            form=form,
            complete=complete,
            finite=finite,
            unknown_levels=bool(arguments.get(unknown.key, True)),
            weighted=weighted,
            spread=spread,
            folds=folds,
            counts=counts,
        )
        return (untrained,)

    flat = [one for item in parameters for one in (item.parameters if isinstance(item, Setting) else (item,))]
    port = PortType.UNTRAINED_CLUSTERS if task == "clustering" else PortType.UNTRAINED
    return Module(
        name=name,
        guid=guid.replace("-", ""),
        inputs=(),
        outputs=(Port("Untrained model", port),),
        parameters=(*flat, unknown) if task != "clustering" else tuple(flat),
        run=run,
        category=f"Machine Learning / Initialize Model / {category}",
        maps_to=maps_to,
        task=task,
    )
