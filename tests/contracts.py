"""Batteries that every plugin of a kind has to pass, so that a new one needs one file and its own test only."""

import ast
import copy
import gzip
import inspect
import itertools
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote_plus

import numpy as np
import pytest
from fakes import Received, Reply, web_server
from pydantic import SecretStr, ValidationError
from samples import NOW, awkward_messages, every_message
from servers import Page, WebServer

from collectors.base import Collector, Named, SourceChanged, SourceError, SourceRefused, SourceUnavailable
from collectors.base import Options as CollectorOptions
from collectors.http import Http
from scorers.base import (
    BLIND_LIMIT_DAYS,
    DAILY,
    FAMILIES,
    HIGHEST,
    LOWEST,
    NO_SOURCE_MESSAGE,
    STALE_BLIND_DAYS,
    Events,
    Exposure,
    Incidents,
    Panel,
    Scorer,
    Scores,
    Terms,
    logit,
    spread,
)
from warden import messages, plugins
from warden.channels import base as channels
from warden.domain import LOCALES, NotificationReason, NotificationStatus
from warden.wording import reader_of

# --- scorers ----------------------------------------------------------------------------------------------------------

AT = datetime(2026, 3, 2, 18, tzinfo=UTC)


def make_panel(
    partners: int,
    days: int,
    *,
    daily: Mapping[str, np.ndarray[Any, Any]] | None = None,
    blind: Mapping[str, Any] | None = None,
    exposure: Exposure | None = None,
    incidents: Incidents | None = None,
    replies: Events | None = None,
    measures: Mapping[str, Events] | None = None,
) -> Panel:
    """Return a panel at 18:00 of its last day: nothing happened but what is given, every day counts alike.

    `blind` values are per family, one number or `(n,)`.
    """
    counts = {name: np.zeros((partners, days), dtype=np.float32) for name in DAILY}
    counts |= {name: np.asarray(values, dtype=np.float32) for name, values in (daily or {}).items()}
    blind_days = {family: np.broadcast_to((blind or {}).get(family, 0.0), (partners,)) for family in FAMILIES}
    return Panel(
        at=AT,
        now=np.full(partners, days - 1 + 0.75),
        daily=counts,
        blind_days={family: values.astype(np.float64) for family, values in blind_days.items()},
        exposure=exposure or Exposure(np.ones((1, days), dtype=np.float32), np.zeros(partners, dtype=np.intp)),
        incidents=incidents or make_incidents(),
        replies=replies or make_events(),
        measures=measures or {},
    )


def make_incidents(*rows: tuple[float, ...]) -> Incidents:
    """Return incidents from (partner, age_days, p_negative, severity, half_life_days[, outlets[, event]]) each.

    Without these one outlet told of it, and the event is of no known kind.
    """
    columns = list(zip(*((*row, *(1.0, -1.0)[len(row) - 5 :]) for row in rows), strict=True))
    owner, *figures, event = columns or [()] * 7
    number = np.arange(1, len(rows) + 1, dtype=np.intp)
    told = (np.array(column, dtype=np.float64) for column in figures)
    return Incidents(np.array(owner, dtype=np.intp), *told, np.array(event, dtype=np.intp), number)


def make_events(*rows: tuple[int, float, float]) -> Events:
    """Return events from (partner, age_days, value) each."""
    columns = list(zip(*rows, strict=True)) or [()] * 3
    return Events(np.array(columns[0], dtype=np.intp), *(np.array(column, dtype=np.float64) for column in columns[1:]))


def earlier(panel: Panel, days: int) -> Panel:
    """Return the panel as it was some whole days before, at the same hour: later columns and younger facts gone."""
    return replace(
        _timed(panel, lambda events: _aged(events, float(days))),
        at=panel.at - timedelta(days=days),
        now=panel.now - days,
        daily={name: counts[:, : panel.days - days] for name, counts in panel.daily.items()},
        exposure=replace(panel.exposure, patterns=panel.exposure.patterns[:, : panel.days - days]),
    )


def waited(panel: Panel, days: int) -> Panel:
    """Return the panel some whole days later, at the same hour, when nothing more has been reported."""
    patterns = np.pad(panel.exposure.patterns, ((0, 0), (0, days)), constant_values=1.0)
    return replace(
        _timed(panel, lambda events: _aged(events, -float(days))),
        at=panel.at + timedelta(days=days),
        now=panel.now + days,
        daily={name: np.pad(counts, ((0, 0), (0, days))) for name, counts in panel.daily.items()},
        exposure=replace(panel.exposure, patterns=patterns),
    )


def later_the_same_day(panel: Panel, hours: float) -> Panel:
    """Return the panel some hours later, before midnight, when nothing more has happened."""
    assert (np.floor(panel.now + hours / 24) == np.floor(panel.now)).all()
    moved = _timed(panel, lambda events: _aged(events, -hours / 24))
    return replace(moved, at=panel.at + timedelta(hours=hours), now=panel.now + hours / 24)


def chosen(panel: Panel, rows: Sequence[int]) -> Panel:
    """Return the panel of these partners only, in this order."""
    place = np.full(panel.partners, -1, dtype=np.intp)
    place[list(rows)] = np.arange(len(rows))

    def own(events: Any) -> Any:
        kept = place[events.partner] >= 0
        columns = {field.name: getattr(events, field.name)[kept] for field in fields(events)}
        return replace(events, **{**columns, "partner": place[columns["partner"]]})

    return replace(
        _timed(panel, own),
        now=panel.now[list(rows)],
        daily={name: counts[list(rows)] for name, counts in panel.daily.items()},
        blind_days={family: values[list(rows)] for family, values in panel.blind_days.items()},
        exposure=replace(panel.exposure, of=panel.exposure.of[list(rows)]),
    )


def shuffled(panel: Panel, seed: int = 1) -> Panel:
    """Return the same panel with its facts listed in another order."""
    order = np.random.default_rng(seed)

    def mixed(events: Any) -> Any:
        turn = order.permutation(len(events.partner))
        return replace(events, **{field.name: getattr(events, field.name)[turn] for field in fields(events)})

    return _timed(panel, mixed)


def joined(first: Any, *others: Any) -> Any:
    """Return the facts of several Incidents, or of several Events, as one."""
    columns = {field.name: [getattr(one, field.name) for one in (first, *others)] for field in fields(first)}
    return replace(first, **{name: np.concatenate(parts) for name, parts in columns.items()})


def _timed(panel: Panel, change: Callable[[Any], Any]) -> Panel:
    """Return the panel with all its timed facts changed."""
    return replace(
        panel,
        incidents=change(panel.incidents),
        replies=change(panel.replies),
        measures={name: change(events) for name, events in panel.measures.items()},
    )


def _aged(events: Any, days: float) -> Any:
    """Return what there was so many days ago; below 0, everything later."""
    there = events.age_days >= days
    columns = {field.name: getattr(events, field.name)[there] for field in fields(events)}
    return replace(events, **{**columns, "age_days": columns["age_days"] - days})


class ScorerContract:
    """What holds for every scorer. A test class of one scorer derives from this and says what its facts look like."""

    scorer: ClassVar[Scorer]

    def steady(self) -> Panel:
        """Return eight partners over a year, all well, each somewhat noisy; none changes."""
        raise NotImplementedError

    def broken(self) -> Panel:
        """Return the same, with partner 0 obviously in trouble at the end."""
        raise NotImplementedError

    def thin(self) -> Panel:
        """Return partners each with fewer than `min_points` facts."""
        raise NotImplementedError

    def began(self) -> tuple[Panel, int]:
        """Return a whole panel, and a column at whose start the outcome was still to begin for partner 0, and did.

        For at least one other partner it did not, though there was enough to judge it by.
        """
        raise NotImplementedError

    def terms(self, panel: Panel) -> Terms:
        return spread([self.scorer.Options()], np.zeros(panel.partners, dtype=np.intp))

    def score(self, panel: Panel) -> Scores:
        return self.scorer.score(panel, self.terms(panel))

    def judge(self, whole: Panel, column: int) -> np.ndarray[Any, Any]:
        return self.scorer.began(whole.before(column), whole, self.terms(whole))

    def blinded(self, panel: Panel, days: float) -> Panel:
        return replace(panel, blind_days={**panel.blind_days, self.scorer.family: np.full(panel.partners, days)})

    def figures(self, scores: Scores) -> list[np.ndarray[Any, Any]]:
        return [scores.value, scores.sample, scores.stale, *scores.contributions.values(), *scores.measured.values()]

    def test_it_says_what_it_is(self) -> None:
        module = type(self.scorer).__module__.rpartition(".")[2]
        assert self.scorer.name == module
        assert self.scorer.family in FAMILIES
        assert self.scorer.weight > 0
        assert self.scorer.min_points >= 1

    def test_every_option_is_a_number_and_described(self) -> None:
        fields_of = self.scorer.Options.model_fields
        assert all(field.description for field in fields_of.values())
        terms = self.terms(self.steady())
        assert set(terms) == set(fields_of)
        assert {values.shape for values in terms.values()} == {(8,)}

    def test_values_are_within_the_limits_and_every_part_has_one_value_per_partner(self) -> None:
        for panel in (self.steady(), self.broken(), self.thin()):
            scores = self.score(panel)
            known = scores.value[~np.isnan(scores.value)]
            assert ((known >= LOWEST) & (known <= HIGHEST)).all()
            assert (scores.sample >= 0).all()
            arrays = [scores.value, scores.sample, scores.stale, scores.unknown_reason]
            arrays += [*scores.contributions.values(), *scores.measured.values(), *scores.unknown_params.values()]
            arrays += [values for line in scores.evidence for values in line.params.values()]
            assert {values.shape for values in arrays} == {(panel.partners,)}

    def test_contributions_sum_to_the_log_odds(self) -> None:
        for panel in (self.steady(), self.broken(), self.blinded(self.broken(), 3.0)):
            scores = self.score(panel)
            total = np.sum(list(scores.contributions.values()), axis=0)
            known = ~np.isnan(scores.value)
            assert known.any()
            assert np.abs(total - logit(scores.value))[known].max() <= 1e-9

    def test_too_few_facts_are_unknown_with_a_reason_and_never_a_score(self) -> None:
        scores = self.score(self.thin())
        assert np.isnan(scores.value).all()
        self.check_reasons(scores)
        assert all(np.isnan(values).all() for values in scores.contributions.values())

    def test_no_source_is_unknown(self) -> None:
        scores = self.score(self.blinded(self.steady(), np.nan))
        assert np.isnan(scores.value).all()
        self.check_reasons(scores)
        assert {scores.unknown[index] for index in scores.unknown_reason} == {NO_SOURCE_MESSAGE}

    def check_reasons(self, scores: Scores) -> None:
        for partner in np.flatnonzero(np.isnan(scores.value)):
            message = scores.unknown[scores.unknown_reason[partner]]
            filled = message % {name: values[partner] for name, values in scores.unknown_params.items()}
            assert "nan" not in filled
        assert (scores.unknown_reason[~np.isnan(scores.value)] == -1).all()

    def test_evidence_is_said_only_with_every_figure_known(self) -> None:
        scores = self.score(self.broken())
        said = [
            line.message
            % {**{name: values[0] for name, values in line.params.items()}, **dict.fromkeys(line.words, "")}
            for line in scores.evidence
            if not any(np.isnan(values[0]) for values in line.params.values())
        ]
        assert said
        assert not any("nan" in sentence for sentence in said)

    def test_constant_input_is_no_alarm(self) -> None:
        value = self.score(self.steady()).value
        assert not np.isnan(value).any()
        assert (value < 0.5).all()

    def test_an_obvious_break_outranks_quiet_noise(self) -> None:
        value = self.score(self.broken()).value
        assert (value[0] > value[1:]).all()
        assert value[0] > self.score(self.steady()).value[0]

    def test_the_same_panel_gives_the_same_scores_whatever_was_scored_before(self) -> None:
        panel = self.broken()
        first = self.score(panel)
        self.score(self.steady())
        again = type(self.scorer)().score(panel, self.terms(panel))
        for one, other in zip(self.figures(first), self.figures(again), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_the_panel_is_left_untouched(self) -> None:
        panel = self.broken()
        before = copy.deepcopy(panel)
        for counts in panel.daily.values():
            counts.setflags(write=False)
        self.score(panel)
        self.score(self.blinded(panel, 3.0))
        self.judge(panel, panel.days - 60)
        for name, counts in before.daily.items():
            np.testing.assert_array_equal(counts, panel.daily[name])
        np.testing.assert_array_equal(before.now, panel.now)
        np.testing.assert_array_equal(before.exposure.patterns, panel.exposure.patterns)
        for one, other in zip(self.timed(before), self.timed(panel), strict=True):
            np.testing.assert_array_equal(one.age_days, other.age_days)

    def timed(self, panel: Panel) -> list[Any]:
        return [panel.incidents, panel.replies, *panel.measures.values()]

    def busier(self, panel: Panel, days: int) -> Panel:
        """Return the panel with more of everything in its last days."""
        more = {name: counts + (np.arange(panel.days) >= panel.days - days) for name, counts in panel.daily.items()}
        age = days / 4
        return replace(
            panel,
            daily=more,
            incidents=joined(panel.incidents, make_incidents((1, age, 0.9, 90.0, 90.0))),
            replies=joined(panel.replies, make_events((1, age, 500.0))),
            measures={name: joined(events, make_events((1, age, 0.0))) for name, events in panel.measures.items()},
        )

    def test_a_later_fact_never_changes_an_earlier_score(self) -> None:
        panel = self.broken()
        then = self.score(earlier(panel, 20))
        changed = self.score(earlier(self.busier(panel, 20), 20))
        for one, other in zip(self.figures(then), self.figures(changed), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_at_a_midnight_only_the_days_before_count(self) -> None:
        """As in a replay: nothing of the day that begins is there, nor of later ones."""
        panel = self.broken()
        column = panel.days - 20
        changed = self.score(self.busier(panel, 20).before(column))
        for one, other in zip(self.figures(self.score(panel.before(column))), self.figures(changed), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_the_hour_changes_nothing_while_nothing_happens(self) -> None:
        """Else every tick would write a new assessment of every partner."""
        panel = self.broken()
        for one, other in zip(
            self.figures(self.score(panel)), self.figures(self.score(later_the_same_day(panel, 5))), strict=True
        ):
            np.testing.assert_array_equal(one, other)

    def test_the_order_of_partners_and_of_facts_does_not_matter(self) -> None:
        panel = self.broken()
        value = self.score(panel).value
        turned = self.score(chosen(panel, range(panel.partners)[::-1])).value
        np.testing.assert_allclose(turned[::-1], value, atol=1e-12)
        np.testing.assert_allclose(self.score(shuffled(panel)).value, value, atol=1e-12)

    def test_one_partner_alone_can_be_scored(self) -> None:
        value = self.score(chosen(self.steady(), [0])).value
        assert value.shape == (1,)
        assert value[0] < 0.5

    def test_an_empty_portfolio_is_an_empty_answer(self) -> None:
        panel = make_panel(0, 30)
        assert self.score(panel).value.shape == (0,)
        assert self.judge(panel, 10).shape == (0,)

    def test_nothing_moves_while_nobody_can_report(self) -> None:
        """Ten blind days appended to a panel leave every score where it was after the first of them."""
        panel = self.broken()
        values = [self.score(self.blinded(waited(panel, days), float(days))).value for days in (1, 5, 10)]
        np.testing.assert_allclose(values[1], values[0], atol=1e-12)
        np.testing.assert_allclose(values[2], values[0], atol=1e-12)

    def test_a_source_blind_for_too_long_is_unknown(self) -> None:
        days = int(BLIND_LIMIT_DAYS) + 1
        scores = self.score(self.blinded(waited(self.steady(), days), float(days)))
        assert np.isnan(scores.value).all()
        self.check_reasons(scores)

    def test_a_source_blind_for_a_while_is_stale(self) -> None:
        days = int(STALE_BLIND_DAYS) + 1
        panel = self.steady()
        assert not self.score(panel).stale.any()
        assert self.score(self.blinded(waited(panel, days), float(days))).stale.all()

    def test_what_began_is_told_from_what_did_not(self) -> None:
        whole, column = self.began()
        judged = self.judge(whole, column)
        assert judged.shape == (whole.partners,)
        assert set(judged[~np.isnan(judged)]) == {0.0, 1.0}
        assert judged[0] == 1.0

    def test_nothing_is_judged_before_the_horizon_has_passed(self) -> None:
        whole, column = self.began()
        horizon = int(self.terms(whole)["horizon_days"][0])
        for end in (column, column + 1, column + horizon - 1):
            short = whole.before(end)
            assert np.isnan(self.scorer.began(whole.before(column), short, self.terms(whole))).all(), end

    def test_what_has_been_judged_stays(self) -> None:
        """A judgement looks at the whole panel it is given and at nothing later: longer panels only add to it."""
        whole, column = self.began()
        horizon = int(self.terms(whole)["horizon_days"][0])
        before = np.full(whole.partners, np.nan)
        for end in (*range(column + horizon, whole.days, 7), whole.days - 1):
            judged = self.scorer.began(whole.before(column), whole.before(end), self.terms(whole))
            known = ~np.isnan(before)
            np.testing.assert_array_equal(judged[known], before[known])
            before = judged
        np.testing.assert_array_equal(self.judge(whole, column)[~np.isnan(before)], before[~np.isnan(before)])

    def test_nothing_is_judged_without_a_source(self) -> None:
        whole, column = self.began()
        assert np.isnan(self.judge(self.blinded(whole, np.nan), column)).all()

    def test_nothing_is_judged_by_days_on_which_nobody_could_report(self) -> None:
        whole, column = self.began()
        assert np.isnan(self.judge(self.blinded(whole, whole.days - column - 1.0), column)).all()


# --- channels ---------------------------------------------------------------------------------------------------------
# A channel's test subclasses ChannelContract and says how to build the channel and what its vendor refuses.


class ChannelContract:
    """What every channel that posts over HTTP keeps to. E-mail keeps to the first half, over SMTP."""

    secrets: tuple[str, ...] = ()
    """Every secret the channel below is built with."""
    delivered: Reply = Reply(200)
    """How the vendor takes a message."""

    def channel(self, url: str) -> channels.Channel:
        raise NotImplementedError

    def fault(self, payload: bytes) -> str | None:
        """What the vendor would refuse a payload for."""
        raise NotImplementedError

    @pytest.mark.parametrize("locale", LOCALES)
    @pytest.mark.parametrize("reason", list(NotificationReason))
    def test_every_reason_renders_within_the_limits(
        self, envelope: channels.Envelope, reason: NotificationReason, locale: str
    ) -> None:
        envelope = replace(envelope, reader=reader_of(locale))
        assert self.fault(self.channel(VENDOR).render(every_message(locale)[reason], envelope, NOW)) is None

    @pytest.mark.parametrize("number", range(len(awkward_messages())))
    def test_awkward_messages_render_within_the_limits(self, envelope: channels.Envelope, number: int) -> None:
        assert self.fault(self.channel(VENDOR).render(awkward_messages()[number], envelope, NOW)) is None

    def test_what_does_not_fit_is_counted_and_not_lost(self, envelope: channels.Envelope) -> None:
        message = messages.Message(
            reason=NotificationReason.DIGEST,
            title="t",
            lead="",
            items=tuple(messages.Item(f"¤{number}¤ " + "x" * 400) for number in range(2000)),
            links=(("Open", "https://warden.example/all"),),
        )
        text = self.readable(self.channel(VENDOR).render(message, envelope, NOW))
        listed = len(set(re.findall(r"¤\d+¤", text)))
        assert 0 < listed < 2000
        assert str(2000 - listed) in text.replace(",", "").replace('"left_out":', "")
        assert "https://warden.example/all" in text

    def readable(self, payload: bytes) -> str:
        return payload.decode()

    def test_no_secret_shows_in_repr_or_payload(self, envelope: channels.Envelope) -> None:
        channel = self.channel(VENDOR)
        shown = f"{channel!r} {channel.options!r} {channel.options} {channel.options.model_dump_json()}"
        shown += channel.render(every_message()[NotificationReason.TEST], envelope, NOW).decode()
        assert not [secret for secret in self.secrets if secret in shown]

    def test_wrong_options_are_refused_without_quoting_them(self) -> None:
        with pytest.raises(ValidationError) as caught:
            self.channel("ftp://secret-host/secret-token")
        assert "secret-" not in str(caught.value)


VENDOR = "https://vendor.example/services/secret-token"


class HttpChannelContract(ChannelContract):
    """The half about sending: what an answer means, and that nothing secret comes out with it."""

    def test_a_delivery_is_one_post_of_the_rendered_payload(self, http: Http, envelope: channels.Envelope) -> None:
        message = every_message()[NotificationReason.ALERT_FIRED]
        with web_server(lambda _: self.delivered) as inbox:
            channel = self.channel(inbox.url + "/secret-token")
            receipt = channel.send(message, envelope, http, NOW)
        (received,) = inbox.received
        assert receipt.status in (NotificationStatus.SENT, NotificationStatus.ACCEPTED)
        assert received.body == channel.render(message, envelope, NOW)
        assert received.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (Reply(301, "", {"Location": "/elsewhere"}), channels.ChannelRefused),
            (Reply(302, "", {"Location": "/elsewhere"}), channels.ChannelUnavailable),
            (Reply(400), channels.MessageRefused),
            (Reply(403), channels.ChannelRefused),
            (Reply(404), channels.ChannelRefused),
            (Reply(410), channels.ChannelRefused),
            (Reply(413), channels.MessageRefused),
            (Reply(429), channels.ChannelUnavailable),
            (Reply(500, "x" * 100_000), channels.ChannelUnavailable),
            (Reply(503), channels.ChannelUnavailable),
        ],
    )
    def test_an_answer_says_who_must_act(
        self, http: Http, envelope: channels.Envelope, reply: Reply, error: type[channels.ChannelError]
    ) -> None:
        with web_server(lambda _: reply) as inbox, pytest.raises(error) as caught:
            self._send(inbox.url, http, envelope)
        assert len(inbox.received) == 1, "redirects are not followed"
        assert len(str(caught.value)) < 400

    @pytest.mark.parametrize(("header", "seconds"), [("Mon, 02 Mar 2026 09:31:00 GMT", 60), ("soon", None), ("", None)])
    def test_retry_after_is_honoured(
        self, http: Http, envelope: channels.Envelope, header: str, seconds: int | None
    ) -> None:
        reply = Reply(429, "slow down", {"Retry-After": header})
        with web_server(lambda _: reply) as inbox, pytest.raises(channels.ChannelUnavailable) as caught:
            self._send(inbox.url, http, envelope)
        assert caught.value.not_before == (None if seconds is None else NOW + timedelta(seconds=seconds))
        assert caught.value.whole

    def test_seconds_to_wait_count_from_the_answer(self, http: Http, envelope: channels.Envelope) -> None:
        pause = 0.2

        def respond(_: Received) -> Reply:
            time.sleep(pause)
            return Reply(429, "slow down", {"Retry-After": "7"})

        began = time.monotonic()
        with web_server(respond) as inbox, pytest.raises(channels.ChannelUnavailable) as caught:
            self._send(inbox.url, http, envelope)
        assert caught.value.not_before is not None
        waited = (caught.value.not_before - NOW).total_seconds() - 7
        assert pause <= waited <= time.monotonic() - began
        assert caught.value.whole

    def test_an_answer_that_quotes_the_secrets_is_blanked(self, http: Http, envelope: channels.Envelope) -> None:
        with web_server(lambda got: Reply(500, f"no {inbox.url}{got.path} {self.secrets}")) as inbox:
            with pytest.raises(channels.ChannelUnavailable) as caught:
                self._send(inbox.url, http, envelope)
            assert inbox.url + "/secret-token" not in str(caught.value)
        assert not [secret for secret in self.secrets if secret in str(caught.value)]

    def test_nobody_there_is_unavailable(self, http: Http, envelope: channels.Envelope) -> None:
        with web_server(lambda _: self.delivered) as inbox:
            pass
        with pytest.raises(channels.ChannelUnavailable) as caught:
            self._send(inbox.url, http, envelope)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("url", ["http://169.254.169.254/secret-token", "http://[::1]/", "http://10.1.2.3/"])
    def test_a_private_address_is_refused_at_send_time(self, envelope: channels.Envelope, url: str) -> None:
        with Http() as guarded, pytest.raises(channels.ChannelRefused) as caught:
            self.channel(url).send(every_message()[NotificationReason.TEST], envelope, guarded, NOW)
        assert "secret" not in str(caught.value)

    def _send(self, url: str, http: Http, envelope: channels.Envelope) -> None:
        message = every_message()[NotificationReason.TEST]
        self.channel(url + "/secret-token").send(message, envelope, http, NOW)


# --- collectors -------------------------------------------------------------------------------------------------------
# A collector's test subclasses CollectorContract, HttpCollectorContract or FileCollectorContract, in
# tests/collectors/test_<name>.py; tests/collectors/test_every_collector.py fails for a collector without one.

FORBIDDEN_IMPORTS = frozenset(("aiohttp", "httpx", "requests", "sqlalchemy", "urllib.request", "urllib3", "warden"))
LOCAL_IMPORTS = frozenset(f"collectors.{name}" for name in plugins.COLLECTOR_SUPPORT) | {"collectors"}


class CollectorContract:
    """What every collector keeps to. A test class gives `source`, a collector whose source has at least two facts."""

    collector: ClassVar[type[Collector]]
    wrong_options: ClassVar[Mapping[str, Any]] = {"no_such_option": 1}

    @pytest.fixture
    def source(self) -> Collector:
        raise NotImplementedError

    def test_it_says_what_it_is(self) -> None:
        assert self.collector.name == self.collector.__module__.rpartition(".")[2]
        assert self.collector.facts
        assert issubclass(self.collector.Options, CollectorOptions)
        with pytest.raises(ValidationError):
            self.collector.Options.model_validate(self.wrong_options)

    def test_it_stands_alone(self) -> None:
        path = inspect.getsourcefile(self.collector)
        assert path is not None
        names = set(imported_names(Path(path).read_text()))
        assert not {name for name in names for root in FORBIDDEN_IMPORTS if name == root or name.startswith(f"{root}.")}
        assert {name for name in names if name.split(".")[0] == "collectors"} <= LOCAL_IMPORTS

    def test_every_fact_is_of_a_declared_kind_and_lies_in_the_past(self, source: Collector, http: Http) -> None:
        batch = source.collect({}, http, NOW)
        assert len(batch.facts) >= 2
        assert {type(fact) for fact in batch.facts} <= self.collector.facts
        for fact in batch.facts:
            assert fact.at.utcoffset() == timedelta(0)
            assert fact.at <= NOW
            assert 0 < len(fact.identity) <= 2000
        assert len({fact.identity for fact in batch.facts}) == len(batch.facts)

    def test_the_same_source_read_anew_reports_the_same_facts(self, source: Collector, http: Http) -> None:
        first, second = (source.collect({}, http, NOW) for _ in range(2))
        assert list(first.facts) == list(second.facts)

    def test_a_later_visit_repeats_facts_unchanged_or_not_at_all(self, source: Collector, http: Http) -> None:
        first = source.collect({}, http, NOW)
        cursor = json.loads(json.dumps(first.cursor))
        later = source.collect(cursor, http, NOW + timedelta(hours=1))
        known = {fact.identity: fact for fact in first.facts}
        assert all(known.get(fact.identity) == fact for fact in later.facts)

    def test_the_cursor_it_was_handed_is_left_untouched(self, source: Collector, http: Http) -> None:
        cursor = source.collect({}, http, NOW).cursor
        before = copy.deepcopy(cursor)
        source.collect(cursor, http, NOW + timedelta(hours=1))
        assert cursor == before

    def test_its_secrets_do_not_show(self, source: Collector) -> None:
        secrets = [value.get_secret_value() for _, value in source.options if isinstance(value, SecretStr)]
        shown = f"{source!r} {source.options!r} {source.options.model_dump_json()}"
        assert not [secret for secret in secrets if secret in shown]


class WebCollectorContract(CollectorContract):
    """A collector that reads documents by an address. `renamed`: one after its owner renamed a field it depends on."""

    good: ClassVar[bytes]
    renamed: ClassVar[bytes]
    content_type: ClassVar[str] = "application/octet-stream"
    cap: ClassVar[int]

    def options(self, url: str) -> dict[str, Any]:
        raise NotImplementedError

    @pytest.fixture
    def source(self, site: WebServer) -> Collector:
        headers = {"Content-Type": self.content_type, "ETag": '"1"'}
        site.pages["/secret-path"] = Page(self.good, headers=headers)
        return self.build(f"{site.url}/secret-path")

    def build(self, url: str) -> Collector:
        return self.collector(self.collector.Options.model_validate(self.options(url)))

    def serve(self, site: WebServer, body: bytes | Iterable[bytes], **headers: str) -> None:
        site.pages["/secret-path"] = Page(body, headers={"Content-Type": self.content_type, **headers})

    def refusal(self, source: Collector, http: Http, error: type[SourceError]) -> SourceError:
        with pytest.raises(error) as caught:
            source.collect({}, http, NOW)
        assert "secret-path" not in str(caught.value)
        assert 10 < len(str(caught.value)) < 400
        return caught.value

    @pytest.mark.parametrize("status", [404, 429, 500, 503])
    def test_a_server_in_trouble_is_tried_later(
        self, source: Collector, http: Http, site: WebServer, status: int
    ) -> None:
        site.pages["/secret-path"] = Page(b"wait", status, {"Retry-After": "90"})
        error = self.refusal(source, http, SourceUnavailable)
        assert isinstance(error, SourceUnavailable)
        assert error.not_before == NOW + timedelta(seconds=90)

    @pytest.mark.parametrize("status", [401, 403, 410])
    def test_a_refusal_is_for_a_person(self, source: Collector, http: Http, site: WebServer, status: int) -> None:
        site.pages["/secret-path"] = Page(b"no", status)
        self.refusal(source, http, SourceRefused)

    def test_a_server_that_never_answers_is_tried_later(self, source: Collector, site: WebServer) -> None:
        site.pages["/secret-path"] = site.silence
        with Http(allowed_networks=("127.0.0.0/8",), timeout=0.3) as hasty:
            self.refusal(source, hasty, SourceUnavailable)

    def test_it_goes_nowhere_but_through_the_guard(self, source: Collector, site: WebServer) -> None:
        with Http() as guarded:
            self.refusal(source, guarded, SourceRefused)
        assert site.requests == []

    def test_a_redirect_to_a_private_address_is_refused(self, source: Collector, http: Http, site: WebServer) -> None:
        site.pages["/secret-path"] = Page(b"", 302, {"Location": "http://169.254.169.254/latest/meta-data"})
        self.refusal(source, http, SourceRefused)

    @pytest.mark.parametrize("body", [b"", b"\0" * 1000, bytes(range(256)) * 20, b"<!doctype html><html><body>Sign in"])
    def test_what_is_no_such_document_is_not_understood(
        self, source: Collector, http: Http, site: WebServer, body: bytes
    ) -> None:
        self.serve(site, body)
        self.refusal(source, http, SourceChanged)

    def test_a_web_page_in_its_place_is_not_understood(self, source: Collector, http: Http, site: WebServer) -> None:
        self.serve(site, b"<!doctype html><html><p>Please, sign in", **{"Content-Type": "text/html"})
        self.refusal(source, http, SourceChanged)

    def test_a_renamed_field_is_not_understood(self, source: Collector, http: Http, site: WebServer) -> None:
        self.serve(site, self.renamed)
        self.refusal(source, http, SourceChanged)

    def test_a_body_cut_short_brings_known_facts_or_a_stated_error(
        self, source: Collector, http: Http, site: WebServer
    ) -> None:
        known = {fact.identity: fact for fact in source.collect({}, http, NOW).facts}
        for length in range(0, len(self.good), max(1, len(self.good) // 40)):
            self.serve(site, self.good[:length])
            try:
                facts = source.collect({}, http, NOW).facts
            except (SourceChanged, SourceUnavailable):
                continue
            assert all(known.get(fact.identity) == fact for fact in facts), f"cut after {length} bytes"

    def test_a_gigabyte_is_left_at_the_cap(self, source: Collector, http: Http, site: WebServer) -> None:
        self.serve(site, itertools.repeat(b"," * 65_536, 16_384))
        error = self.refusal(source, http, SourceChanged)
        assert f"more than {self.cap:,} bytes" in str(error)
        assert site.sent_bytes < self.cap + 20_000_000

    def test_a_bomb_is_not_unpacked(self, source: Collector, http: Http, site: WebServer) -> None:
        self.serve(site, gzip.compress(b"," * (self.cap + 1)), **{"Content-Encoding": "gzip"})
        error = self.refusal(source, http, SourceChanged)
        assert f"more than {self.cap:,} bytes" in str(error)


class HttpCollectorContract(WebCollectorContract):
    """A collector that reads one document by its address, and only if it has changed."""

    def test_an_unchanged_document_brings_nothing(self, source: Collector, http: Http, site: WebServer) -> None:
        cursor = source.collect({}, http, NOW).cursor
        site.pages["/secret-path"] = Page(status=304)
        batch = source.collect(cursor, http, NOW + timedelta(minutes=15))
        assert (list(batch.facts), batch.cursor) == ([], cursor)
        assert site.requests[-1].headers["if-none-match"] == '"1"'


class SearchCollectorContract(WebCollectorContract):
    """A collector that searches for partners. `good` answers a search for any of `partners`, each alone in its visit.

    `options` must let one visit ask for all of them.
    """

    partners: ClassVar[Sequence[Named]] = (Named("Acme Steel", ("Acme Steel",)),)

    def build(self, url: str) -> Collector:
        return self.collector(self.collector.Options.model_validate(self.options(url)), self.partners)

    def test_it_asks_for_names(self) -> None:
        assert self.collector.needs_names

    def test_nobody_to_search_for_is_told_and_asks_nothing(
        self, source: Collector, http: Http, site: WebServer
    ) -> None:
        batch = self.collector(source.options).collect({}, http, NOW)
        assert (list(batch.facts), batch.cursor, site.requests) == ([], {}, [])
        assert [problem.what for problem in batch.problems] == ["there is no watched partner to search for"]

    def test_the_name_is_in_the_request(self, source: Collector, http: Http, site: WebServer) -> None:
        source.collect({}, http, NOW)
        assert "Acme Steel" in unquote_plus(site.requests[0].path)


class FileCollectorContract(CollectorContract):
    """A collector that reads a local file. `renamed` as for HttpCollectorContract."""

    good: ClassVar[bytes]
    renamed: ClassVar[bytes]
    cap: ClassVar[int]

    def options(self, path: Path) -> dict[str, Any]:
        raise NotImplementedError

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "the file"
        path.write_bytes(self.good)
        return path

    @pytest.fixture
    def source(self, path: Path) -> Collector:
        return self.collector(self.collector.Options.model_validate(self.options(path)))

    @pytest.fixture
    def http(self) -> Http:
        """A client that was never opened: any use of it fails."""
        return Http()

    def test_a_missing_file_is_tried_later(self, source: Collector, http: Http, path: Path) -> None:
        path.unlink()
        with pytest.raises(SourceUnavailable, match="no file the file at the moment"):
            source.collect({}, http, NOW)

    @pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo, lambda path: os.mknod(path, stat.S_IFSOCK)])
    def test_what_is_no_file_is_for_a_person(
        self, source: Collector, http: Http, path: Path, put: Callable[[Path], object]
    ) -> None:
        path.unlink()
        put(path)
        with pytest.raises(SourceRefused, match="the file cannot be read"):
            source.collect({}, http, NOW)

    def test_a_pipe_put_in_the_place_of_the_file_while_it_is_looked_at_is_refused(
        self, source: Collector, http: Http, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ordinary = path.stat()
        path.unlink()
        os.mkfifo(path)
        monkeypatch.setattr(Path, "stat", lambda _path: ordinary)
        with pytest.raises(SourceRefused, match="the file cannot be read"):
            source.collect({}, http, NOW)

    @pytest.mark.parametrize("body", [b"\0" * 1000, bytes(range(256)) * 20, b"<!doctype html><html><body>Sign in"])
    def test_what_is_no_such_document_is_not_understood(
        self, source: Collector, http: Http, path: Path, body: bytes
    ) -> None:
        path.write_bytes(body)
        with pytest.raises(SourceChanged):
            source.collect({}, http, NOW)

    def test_a_renamed_field_is_not_understood(self, source: Collector, http: Http, path: Path) -> None:
        path.write_bytes(self.renamed)
        with pytest.raises(SourceChanged):
            source.collect({}, http, NOW)

    def test_a_file_still_being_written_brings_known_facts_or_a_stated_error(
        self, source: Collector, http: Http, path: Path
    ) -> None:
        known = {fact.identity: fact for fact in source.collect({}, http, NOW).facts}
        for length in range(0, len(self.good), max(1, len(self.good) // 40)):
            path.write_bytes(self.good[:length])
            try:
                facts = source.collect({}, http, NOW).facts
            except (SourceChanged, SourceUnavailable):
                continue
            assert all(known.get(fact.identity) == fact for fact in facts), f"cut after {length} bytes"

    def test_a_gigabyte_of_nothing_is_not_understood(self, source: Collector, http: Http, path: Path) -> None:
        os.truncate(path, 0)
        os.truncate(path, 1_000_000_000)
        with pytest.raises(SourceChanged):
            source.collect({}, http, NOW)


def imported_names(code: str) -> Iterator[str]:
    """Yield the modules a piece of code imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
