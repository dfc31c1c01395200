"""What is wrong with a form is told in the reader's language, whoever finds it: the page, the store, or pydantic."""

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from typing import Any

import httpx
import pytest
from served import Site
from sqlalchemy.orm import Session

from warden.domain import LOCALES, Role, Scope
from warden.errors import Fault, InvalidInput
from warden.rules import compile_rule, inhibition_faults, parameter_faults
from warden.rules.matching import matcher_faults
from warden.rules.routing import route_faults
from warden.store import criteria, matrices, rules
from warden.web.deps import SESSION_COOKIE
from warden.web.pages.fault_words import sentence, told
from warden.wording import reader_of

OTHERS = [locale for locale in LOCALES if locale != "en"]
ENGLISH = re.compile(r"\b(?:expected|found|unknown|is empty|is missing|there is no|did you mean|it is|cannot)\b")


def refused(text: str) -> list[Fault]:
    with pytest.raises(InvalidInput) as error:
        compile_rule(key="own", condition=text)
    return list(error.value.faults)


def stored(site: Site, store: Callable[[Session], object]) -> list[Fault]:
    with site.services.db.write() as session, pytest.raises(InvalidInput) as error:
        store(session)
    return list(error.value.faults)


CONDITIONS = (
    "",
    "x" * 1001,
    "tags.all(t, t == 'a')",
    "late_rat > 0.3",
    "zzzzzz > 0.3",
    "late_rate > 0.3 &&",
    "late_rate.share > 0.3",
    "exp(late_rate) > 1.0",
    "stage == 'activ'",
    "late_rate == null",
    "late_rate + 1 > 2.0",
    "late_rate",
    "(" * 300 + "true" + ")" * 300,
)

FOUND: tuple[Callable[[], list[Fault]], ...] = (
    lambda: inhibition_faults({}, "own", ["other"], ["partner"]),
    lambda: inhibition_faults([{}] * 11, "own", ["other"], ["partner"]),
    lambda: inhibition_faults([{"rule": "own"}], "own", ["other"], ["partner"]),
    lambda: inhibition_faults([{"rule": "own", "equal": []}], "own", ["other"], ["partner"]),
    lambda: inhibition_faults([{"rule": "othr", "equal": ["tag:", "tier", "teir"]}], "own", ["other"], ["partner"]),
    lambda: parameter_faults({f"p{number}": 1.0 for number in range(21)}),
    lambda: parameter_faults({"A": 1.0, "late_rate": 1.0, "severity": 1.0, "in": 1.0, "most": "many"}),
    lambda: matcher_faults([]),
    lambda: matcher_faults({"teir": ["key"], "severity": ["grave", 3], "tag": []}),
    lambda: matcher_faults({"hours": {}}, hours=True),
    lambda: matcher_faults({"hours": {"time_zone": "Mars", "days": [9], "from": "six", "until": "18:00"}}, hours=True),
    lambda: route_faults({}, [], []),
    lambda: route_faults({}, [], ["boss"]),
    lambda: rules.faults({"names": {}, "for_seconds": -1, "meeting_within_days": 91, "severity": "x", "no_data": "x"}),
    lambda: rules.faults({"nonsense": 1}),
)


CRITERIA: tuple[tuple[str, dict[str, Any]], ...] = (
    ("silence", {}),
    ("silence", {"dys": 30.0, "enabled": "x"}),
    ("silence", {"days": 0.5, "horizon_days": "soon"}),
    ("silence", {"days": float("inf")}),
    ("placement", {"likelihood": [0.5, 0.2], "impact": [1.0]}),
    ("placement", {"likelihood": [0.0, 0.0], "impact": "1, 2"}),
    ("placement", {"likelihood": [0.0, 0.5]}),
    ("impact", {"contract_near_days": 400.0, "contract_far_days": 300.0}),
    ("impact", {"tiers": {"key": "\0"}}),
    ("satisfaction", {"below": 9.0, "fall": 1.0}),
    ("late_share", {"at_least": 0.9, "at_most": 0.2}),
)


def is_readable(fault: Fault, locale: str) -> bool:
    said = sentence(reader_of(locale), fault)
    return said not in ("", fault.what) and not ENGLISH.search(re.sub(r"'[^']*'", "", said))


@pytest.mark.parametrize("locale", OTHERS)
def test_every_fault_of_a_condition_is_told_in_the_readers_language(locale: str) -> None:
    for text in CONDITIONS:
        for fault in refused(text):
            beginning = sentence(reader_of(locale), fault).partition(fault.what)[0]  # the library keeps its words
            assert not ENGLISH.search(beginning), text
            assert beginning.strip(), text


@pytest.mark.parametrize("locale", OTHERS)
def test_every_fault_of_the_other_fields_is_told_in_the_readers_language(locale: str) -> None:
    for find in FOUND:
        faults = find()
        assert faults
        assert [fault.what for fault in faults if not is_readable(fault, locale)] == []


def test_every_fault_of_criteria_and_of_a_matrix_is_told_in_the_readers_language(site: Site) -> None:
    by = {"author": "tests", "now": site.services.settings.start_at}
    kept = {"reason": "", **by}
    faults = []
    for name, given in CRITERIA:
        for scope, subject in ((Scope.PORTFOLIO, ""), (Scope.TIER, "key")):
            put = partial(criteria.put, name=name, scope=scope, subject=subject, data=given, **kept)
            faults += stored(site, put)
    for data in wrong_matrices():
        faults += stored(site, partial(matrices.draft, data=data, **by))
    for locale in OTHERS:
        assert [fault.what for fault in faults if not is_readable(fault, locale)] == []


def wrong_matrices() -> Iterator[dict[str, Any]]:
    shipped = (resources.files("warden") / "shipped" / "matrix.json").read_text("utf-8")
    data = json.loads(shipped)
    data["bands"][1] |= {"key": data["bands"][0]["key"], "rank": 7, "ink": data["bands"][1]["colour"]}
    data["levels"]["impact"][0]["from"], data["levels"]["impact"][2]["from"] = 2.0, 1.5
    data["levels"]["likelihood"][0]["names"] = {"en": " "}
    data["grid"] = [["severe"], *data["grid"][2:]]
    shape = json.loads(shipped)
    shape["bands"][0] |= {"key": "A B", "rank": "first", "more": 1, "colour": "red"}
    shape["levels"]["impact"] = "five"
    del shape["levels"]["likelihood"][1]["names"]
    yield from (data, shape, {})


def test_the_api_keeps_its_english() -> None:
    (fault,) = refused("late_rat > 0.3")
    assert (fault.where, fault.what) == (
        "condition, line 1, column 1",
        "unknown variable late_rat; did you mean late_rate?",
    )


def test_where_a_fault_lies_is_told_beside_its_field() -> None:
    reader = reader_of("vi")
    (condition,) = refused("true &&\nlate_rat > 0.3")
    assert told(reader, condition, "condition").position == "dòng 2, cột 1"
    (entry,) = inhibition_faults([{"rule": "other", "equal": ["tier"]}], "own", ["other"], ["partner"])
    assert told(reader, entry, "inhibited_by").position == "mục 1"
    (parameter,) = parameter_faults({"most": "many"})
    assert (told(reader, parameter, "parameters").path, told(reader, parameter).path) == ("most", "parameters.most")


FAULT = re.compile(r'<(?:small class="fault"[^>]*|li)>([^<]*(?:<(?:code|span)[^>]*>.*?)?)</(?:small|li)>', re.DOTALL)

FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/rules", {"key": "A", "name": "", "condition": "late_rat > 0.3"}),
    ("/rules", {"key": "band_high", "name": "Own", "condition": "late_rate > 0.3"}),
    ("DRAFT", {
        "condition": "late_rate >", "parameters": "most", "for_hours": "soon", "meeting_within_days": "-1",
        "inhibited_by": "none: tier", "inhibit_when": "band == 'x'", "severity": "x", "no_data": "x",
    }),
    ("SETTING", {"scope": "tier", "subject": "nobody", "name": "for_seconds", "value": "many"}),
    ("SETTING", {"scope": "partner", "subject": "nobody", "name": "severity", "value": "x"}),
    ("/alerts/silences", {"owner": "nobody@example.com", "rule": "nonsense", "ends_at": "2999-01-01T00:00"}),
    ("/alerts/silences", {"severity": "grave", "time_zone": "Mars", "ends_at": "soon"}),
    ("/alerts/routes", {"name": "", "severity": "grave", "hours.from": "six", "hours.time_zone": "Mars"}),
    ("/alerts/routes", {"name": "Odd", "destination": "nonsense"}),
    ("/criteria/silence", {"days": "0.5", "horizon_days": "soon"}),
    ("/criteria/impact", {"tiers": "key", "full_share": "7"}),
    ("/criteria/impact", {"contract_near_days": "400", "contract_far_days": "300"}),
    ("/criteria/silence", {"scope": "tier", "subject": "nobody", "days": "30"}),
    ("MATRIX", {"data": "{"}),
    ("MATRIX", {"data": "[]"}),
    ("MATRIX", {"data": "{}"}),
)  # fmt: skip


def test_all_that_an_empty_form_lacks_is_told_at_once(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url}, cookies=cookies) as manager:
        told = {path: len(FAULT.findall(manager.post(path).text)) for path in ("/rules", "/alerts/silences")}
    assert told == {"/rules": 3, "/alerts/silences": 2}


def test_a_refused_form_says_why_in_the_readers_language(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url, "accept-language": "vi"}, cookies=cookies) as manager:
        drafted = opened(manager, opened(manager, "/rules", r'href="(/rules/[0-9a-f-]{36})"') + "/versions")
        places = {
            "DRAFT": drafted,
            "SETTING": drafted.partition("/versions")[0] + "/settings",
            "MATRIX": opened(manager, "/matrices"),
        }
        for address, form in FORMS:
            where = places.get(address, address)
            tag = re.search(r'name="tag" value="([^"]+)"', manager.get(where).text) if address in places else None
            page = manager.post(where, data={**form, "tag": tag[1] if tag else ""})
            faults = FAULT.findall(page.text)
            said = [html.unescape(re.sub("<code>.*?</code>|<[^>]+>", "", fault)).strip() for fault in faults]
            assert (page.status_code, bool(said)) == (422, True), form
            assert [fault for fault in faults if 'lang="en"' in fault] == []
            assert [fault for fault in said if ENGLISH.search(re.sub("'[^']*'", "", fault))] == []


def opened(client: httpx.Client, address: str, link: str = "") -> str:
    """Return the first link of a page, or where posting to it leads."""
    if link:
        return str(re.findall(link, client.get(address).text)[0])
    return str(client.post(address).headers["location"])
