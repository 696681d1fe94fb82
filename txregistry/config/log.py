"""The section `log`."""

from __future__ import annotations

from typing import Literal

from attrs import Factory, field, frozen

from txregistry.config.forms import boolean, choice, mapped, text
from txregistry.config.sections import option, section

Level = Literal["error", "warn", "info", "debug"]
Formatter = Literal["text", "json", "logstash"]


@frozen
class AccessLog:
    """One line for each request, in Apache's combined format, on standard output."""

    disabled: bool = field(default=False, metadata=option("Write no access log.", boolean))


@frozen
class Log:
    """What is logged, and how."""

    level: Level = field(
        default="info",
        metadata=option("The least grave messages that are logged.", choice("error", "warn", "info", "debug")),
    )
    formatter: Formatter = field(
        default="text", metadata=option("The format of a log line.", choice("text", "json", "logstash"))
    )
    fields: tuple[tuple[str, str], ...] = field(
        default=(), metadata=option("Fields that are added to every line.", mapped(text))
    )
    accesslog: AccessLog = field(default=Factory(AccessLog), metadata=section(AccessLog))
