"""The module catalogue as an answer: which modules run here, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmgmt.modules.base import Module, Port
    from mlmgmt.modules.parameters import Parameter
    from mlmgmt.verbs.session import Session


def modules(session: Session, *, name: str | None = None) -> Any:
    """Return the modules that run here, or one of them with its ports and parameters.

    Raises:
        BadRequest: `ModuleNotSupported`: the catalogue does not have the module.
    """
    from mlmgmt.modules import catalogue

    if name is not None:
        return _view(_find(name))
    return [
        {"Name": module.name, "Category": module.category, "MapsTo": module.maps_to} for module in catalogue.modules()
    ]


def _find(name: str) -> Module:
    from mlmgmt.modules import catalogue

    try:
        return catalogue.by_name(name)
    except catalogue.ModuleNotSupported as error:
        hint = error.hint or "List the modules that run here: mlmgmt modules"
        raise catalogue.ModuleNotSupported(
            error.message, target=error.target, details=error.details, hint=hint
        ) from None


def _view(module: Module) -> dict[str, Any]:
    return {
        "Name": module.name,
        "FormerNames": list(module.former_names),
        "Category": module.category,
        "Guid": module.guid,
        "MapsTo": module.maps_to,
        "Inputs": [_port(port) for port in module.inputs],
        "Outputs": [_port(port) for port in module.outputs],
        "Parameters": [_parameter(parameter) for parameter in module.parameters],
    }


def _port(port: Port) -> dict[str, Any]:
    return {"Name": port.name, "Type": port.type.value, "Optional": port.optional}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    low, high = parameter.minimum, parameter.maximum
    limits = [f">= {_figure(low)}"] if low is not None else []
    limits += [f"> {_figure(parameter.above)}"] if parameter.above is not None else []
    limits += [f"<= {_figure(high)}"] if high is not None else []
    notes = [f"cannot be {' or '.join(map(repr, values))}: {why}" for why, values in _refusals(parameter).items()]
    notes += [f"no effect: {parameter.without_effect}"] if parameter.without_effect else []
    return {
        "Key": parameter.key,
        "Label": parameter.label,
        "Type": parameter.type,
        "Default": parameter.default,
        "Allowed": ", ".join([*parameter.choices, *limits]) or None,
        "When": f"{parameter.when[0]} = {' / '.join(parameter.when[1])}" if parameter.when else None,
        "Note": "; ".join(notes) or None,
    }


def _figure(number: float) -> str:
    """Return a limit in full: 4294967295, not 4.29497e+09."""
    return str(int(number)) if float(number).is_integer() else repr(number)


def _refusals(parameter: Parameter) -> dict[str, list[str]]:
    """Return the values that are refused, by the reason."""
    found: dict[str, list[str]] = {}
    for value, why in parameter.refused.items():
        found.setdefault(why.rstrip("."), []).append(value)
    return found
