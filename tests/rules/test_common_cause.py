"""When many alerts are one story."""

import pytest

from warden.rules.common_cause import Kind, Shared, find, inverted

TEN = [str(number) for number in range(10)]


def shared(key: str, partners: list[str], kind: Kind = "region") -> Shared:
    return Shared(kind, key, set(partners))


@pytest.mark.parametrize(
    ("raised", "of", "found"),
    [
        (TEN[:5], TEN, True),
        (TEN[:4], TEN[:4], False),  # fewer than five are no crowd
        (TEN[:5], [str(number) for number in range(20)], True),
        (TEN[:5], [str(number) for number in range(21)], False),  # less than a quarter
        (["x", "y", "z", *TEN[:5]], TEN, True),
    ],
)
def test_a_cause_explains_five_partners_and_a_quarter_of_those_it_touches(
    raised: list[str], of: list[str], found: bool
) -> None:
    causes = find(raised, [shared("APAC", of)])
    assert [(cause.key, cause.partners, cause.of) for cause in causes] == (
        [("APAC", tuple(TEN[:5]), len(of))] if found else []
    )


def test_the_more_telling_cause_is_named_and_no_partner_twice() -> None:
    everybody = [*TEN, *(f"x{number}" for number in range(10))]
    causes = find(TEN[:6], [shared("APAC", everybody), shared("erp", TEN[:6], "source")])
    assert [(cause.kind, cause.key) for cause in causes] == [("source", "erp")]


def test_of_equally_telling_causes_the_source_is_named() -> None:
    causes = find(TEN[:5], [shared("APAC", TEN[:5]), shared("erp", TEN[:5], "source")])
    assert [cause.kind for cause in causes] == ["source"]


def test_what_is_known_to_be_wrong_is_named_before_what_explains_more_of_its_own() -> None:
    mailbox = Shared("source", "mailbox", {*TEN, "x"}, known=True)
    (cause,) = find(TEN, [shared("APAC", TEN), shared("erp", TEN[:5], "source"), mailbox])
    assert (cause.key, cause.known, cause.of) == ("mailbox", True, 11)


def test_two_regions_are_two_causes() -> None:
    causes = find([*TEN, *"abcde"], [shared("APAC", TEN), shared("EMEA", list("abcde"))])
    assert {cause.key for cause in causes} == {"APAC", "EMEA"}


@pytest.mark.parametrize(
    ("raised", "regions", "found"),
    [
        ([*TEN], [TEN[:5], TEN[5:]], ["everybody"]),
        ([*TEN], [], ["everybody"]),
        ([*TEN], [TEN[:5]], ["everybody"]),  # five are left that it does not explain
        ([*TEN], [TEN[:6]], ["region"]),
        (TEN[:6], [TEN[:6]], ["region"]),
        (TEN[:5], [], ["everybody"]),
        (TEN[:4], [], []),
    ],
)
def test_what_most_of_everybody_raises_is_one_thing(
    raised: list[str], regions: list[list[str]], found: list[str]
) -> None:
    shares = [shared(str(number), some) for number, some in enumerate(regions)]
    causes = find(raised, [*shares, shared("", TEN, "everybody")])
    assert [cause.kind for cause in causes] == found


def test_less_than_half_of_everybody_is_not_everybody() -> None:
    everybody = [*TEN, *(f"x{number}" for number in range(11))]
    assert find(TEN, [shared("", everybody, "everybody")]) == []


def test_what_is_shared_follows_from_who_has_what() -> None:
    assert inverted({"1": {"a", "b"}, "2": {"a"}}, "source") == [
        Shared("source", "a", {"1", "2"}),
        Shared("source", "b", {"1"}),
    ]
