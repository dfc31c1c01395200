"""Matchers as the API takes them: which alerts a silence or a route is about."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from warden.web.api.shapes import Input, ShortName, text

Value = Annotated[str, text(320)]
Values = Annotated[list[Value], Field(max_length=500)]
Name_ = Annotated[str, text(20)]

Matchers = Annotated[
    dict[Name_, Values],
    Field(
        description="severity, rule (key), partner (id), tier, tag, owner (e-mail address), region, country, language: "
        "each given has to fit, and fits with any of its values. {} fits every alert."
    ),
]


class Hours(Input):
    """Hours of the week as clocks show them in a zone; where they end before they begin, they end on the next day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"time_zone": "Asia/Taipei", "days": [0, 1, 2, 3, 4], "from": "18:00", "until": "08:00"}]
        }
    )

    time_zone: ShortName
    days: Annotated[list[int], Field(max_length=7, description="0 (Monday) to 6 (Sunday): on which they begin.")]
    begin: Annotated[str, text(5), Field(alias="from", examples=["18:00"])]
    until: Annotated[str, text(5), Field(examples=["08:00"])]


RouteMatchers = Annotated[dict[Name_, Values | Hours], Field(description='As those of silences, and "hours" besides.')]


def plain(matchers: dict[str, Any]) -> dict[str, Any]:
    """Return matchers as they are stored."""
    return {
        name: wanted.model_dump(by_alias=True) if isinstance(wanted, Hours) else wanted
        for name, wanted in matchers.items()
    }
