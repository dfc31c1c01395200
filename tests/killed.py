"""Stages at work in a process that ends itself by kill -9 at a chosen step; for tests/forked.py."""

import os
import signal
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event

from collectors.http import Http
from warden import log
from warden.channels import base
from warden.db import Database
from warden.pipeline import announce, assess, decide, notify
from warden.settings import Settings
from warden.vault import Vault

SMALL_BATCH = 2
SETTINGS = Settings(group_wait_seconds=0, allowed_networks=("127.0.0.0/8",))


class Steps:
    """Counts what a process does, and ends it by kill -9 when it is about to do its `fatal`th thing."""

    def __init__(self, fatal: int) -> None:
        self.done = 0
        self._fatal = fatal

    def take(self, *_: object, **__: object) -> None:
        """Count one thing."""
        self.done += 1
        if self.done == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def take_write(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        """Count a statement that is no question."""
        if not statement.lstrip().startswith("SELECT"):
            self.take()


@contextmanager
def watched(db: Database, steps: Steps) -> Iterator[None]:
    """Count every statement, before it is sent, until the block ends."""
    event.listen(db.engine, "before_cursor_execute", steps.take)
    yield
    event.remove(db.engine, "before_cursor_execute", steps.take)


def stage(name: str, url: str, now: datetime, fatal: int, key: str) -> None:
    """Assess, decide or announce, and die before a statement."""
    assess.BATCH = decide.BATCH = SMALL_BATCH
    log.configure("CRITICAL", as_json=True)
    db = Database(url)
    with watched(db, Steps(fatal)):
        run_stage(name, db, now, key)


def run_stage(name: str, db: Database, now: datetime, key: str) -> int:
    """Assess, decide or announce to the end."""
    if name == "announce":
        return announce.run(db, Vault([key]), SETTINGS, now)
    if name == "assess":
        return assess.run(db, SETTINGS, now)
    return decide.run(db, SETTINGS, now)


def sending(url: str, now: datetime, fatal: int, key: str) -> None:
    """Send what is due, and die before or after a statement, a commit or a message: whichever thing is the fatal one.

    A message that is answered is three things: about to be sent, answered, noted.
    """
    db, steps = Database(url), Steps(fatal)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(db.engine, moment, steps.take)
    _send(db, steps, now, key)


def sending_by_writes(url: str, now: datetime, fatal: int, key: str) -> None:
    """Send what is due, and die before a statement that writes, before a commit, or before or after a message.

    Killed before a question, the same is stored as before the next answer to it is.
    """
    db, steps = Database(url), Steps(fatal)
    event.listen(db.engine, "commit", steps.take)
    event.listen(db.engine, "before_cursor_execute", steps.take_write)
    _send(db, steps, now, key)


def _send(db: Database, steps: Steps, now: datetime, key: str) -> None:
    log.configure("CRITICAL", as_json=True)
    base.post = _counted(base.post, steps)
    smtplib.SMTP.sendmail = _counted(smtplib.SMTP.sendmail, steps)  # type: ignore[method-assign]
    with Http(allowed_networks=SETTINGS.allowed_networks) as http:
        notify.run(db, Vault([key]), SETTINGS, http, now)


def _counted(post: Callable[..., Any], steps: Steps) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        steps.take()
        answer = post(*given, **named)
        steps.take()
        return answer

    return counted
