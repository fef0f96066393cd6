"""The module catalogue, for people who ask what runs here and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmgmt.modules.base import Module, Port
    from mlmgmt.modules.parameters import Parameter
    from mlmgmt.verbs.session import Session


def modules(session: Session, *, name: str | None = None) -> Any:
    """The modules that run here; or one of them with its ports, parameters and what it maps to.

    Raises:
        BadRequest: `ModuleNotSupported`: the catalogue has no such module.
    """
    from mlmgmt.modules import catalogue

    if name is not None:
        return _shown(catalogue.by_name(name))
    return [
        {"Name": module.name, "Category": module.category, "MapsTo": module.maps_to} for module in catalogue.modules()
    ]


def _shown(module: Module) -> dict[str, Any]:
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
    limits = [f">= {low:g}"] if low is not None else []
    limits += [f"> {parameter.above:g}"] if parameter.above is not None else []
    limits += [f"<= {high:g}"] if high is not None else []
    notes = [f"cannot be {value!r}: {why}" for value, why in parameter.refused.items()]
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
