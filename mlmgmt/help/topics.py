"""The topics of `mlmgmt help`: one Markdown file each, and `commands`, which is made from the declarations."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from mlmgmt.cmdlets import registry
from mlmgmt.errors import WrongUsage
from mlmgmt.help import reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmgmt.verbs.session import Session

FOLDER = Path(__file__).parent
COMMANDS = "commands"
TOPICS = (
    "services",
    "definitions",
    "templates",
    "retraining",
    "experiments",
    "scripts",
    "batch",
    "classic",
    "many-models",
    "http",
    "plans-and-storage",
    "homes-and-trust",
    "command-line",
    "vs-code",
    COMMANDS,
    "development",
)
"""The names of the topics, in the order of the list."""
WALKTHROUGH = "walkthrough"
"""The one command without a declaration."""


def text(topic: str) -> str:
    """Return the Markdown of a topic."""
    return reference.markdown() if topic == COMMANDS else (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def title(topic: str) -> str:
    """Return the heading of a topic, which is also its line in the list."""
    if topic == COMMANDS:
        return reference.TITLE
    with (FOLDER / f"{topic}.md").open(encoding="utf-8") as lines:
        return lines.readline().removeprefix("# ").rstrip()


def index() -> str:
    """Return the list of topics, as Markdown."""
    listed = [f"- `{topic}`: {title(topic)}" for topic in TOPICS]
    return "\n".join(
        [
            "# Help topics",
            "",
            *listed,
            "",
            "`mlmgmt help TOPIC` shows a topic. `mlmgmt help COMMAND` shows a command's parameters and an example, as "
            "`mlmgmt COMMAND --help` does. `mlmgmt --help` lists the commands.",
            "",
        ]
    )


def show(session: Session, *, topic: Sequence[str] = ()) -> dict[str, str]:
    """Return the Markdown of a topic or of the list of topics, or the name of a command.

    Args:
        topic: a topic or a command, as one word or several.

    Raises:
        WrongUsage: no topic or command has this name, or several topics start with it.
    """
    if not topic:
        return {"Text": index()}
    words = " ".join(topic)
    if (command := _command(words)) is not None and _folded(words) not in TOPICS:
        return {"Command": command}
    found = find(words)
    return {"Topic": found, "Text": text(found)}


def find(words: str) -> str:
    """Return the topic with this name, which can be shortened, in any letter case.

    Raises:
        WrongUsage: no topic fits, or more than one.
    """
    asked = _folded(words)
    begins = [topic for topic in TOPICS if asked and topic.startswith(asked)]
    if asked in TOPICS or len(begins) == 1:
        return asked if asked in TOPICS else begins[0]
    if begins:
        raise WrongUsage(f"{words!r} could mean {' or '.join(begins)}.", detail="AmbiguousHelpTopic", target=words)
    known = [*TOPICS, WALKTHROUGH, *registry.by_name()]
    near = get_close_matches(asked, known, n=1)
    hint = f"Did you mean: mlmgmt help {near[0]}" if near else "List the topics with: mlmgmt help"
    raise WrongUsage(
        f"There is no help topic or command {words!r}.", detail="HelpTopicNotFound", target=words, hint=hint
    )


def names(incomplete: str) -> list[str]:
    """Return the names for completion: the topics and, after the first letter, the commands."""
    commands = [cmdlet.short[0] for cmdlet in registry.CMDLETS] if incomplete else []
    return list(dict.fromkeys([*TOPICS, *commands]))


def _folded(words: str) -> str:
    return words.strip().casefold().replace(" ", "-").replace("_", "-").removesuffix(".md")


def _command(words: str) -> str | None:
    """Return the command with this name: a cmdlet, a first word such as `batch`, or the walkthrough."""
    name = words.casefold()
    known = name == WALKTHROUGH or registry.find(name) is not None or bool(registry.family(name))
    return name if known else None
