"""Settings, from the environment (`WARDEN_…`) and an optional `.env` file. The README's table is made from here."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from warden.domain import LOCALES

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(BaseSettings):
    """Everything an operator can set; each field's description is what the README prints."""

    model_config = SettingsConfigDict(env_prefix="WARDEN_", env_file=".env", extra="ignore")

    database_url: str = Field(
        "sqlite:///warden.db", description="Where data lives: `sqlite:///FILE` or `postgresql+psycopg://…`."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Key(s) that encrypt stored secrets, comma-separated, newest first. "
        "If unset, one is generated into `secret_key_file` on first start: keep that file.",
    )
    secret_key_file: Path = Field(Path("warden.key"), description="Where the generated key is kept.")
    public_url: str = Field("http://127.0.0.1:8000", description="The address people reach Warden at; used in links.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_json: bool = Field(True, description="Logs as JSON lines; false prints them for reading.")
    default_locale: str = Field("en", description="Language for people who chose none: en, zh-Hant, zh-Hans or vi.")
    our_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Our own mail domains, comma-separated: they tell messages sent from messages received."
    )
    allowed_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Private networks sources and destinations may reach, as CIDR, comma-separated; "
        "all others are blocked.",
    )
    file_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders whose files a source may read, comma-separated. None by default."
    )
    tick_seconds: int = Field(15, ge=1, le=3600, description="How often the clock looks for work that is due.")
    assess_minutes: int = Field(60, ge=1, le=1440, description="How often all partners are assessed anew, at least.")
    settle_seconds: int = Field(
        60,
        ge=1,
        le=86400,
        description="New facts and changed partners are assessed this long after the last assessment.",
    )
    group_wait_seconds: int = Field(
        60, ge=0, le=3600, description="What happens to a partner's alerts within this time is told in one message."
    )
    history_days: int = Field(730, ge=60, le=3650, description="How much history a score reads.")
    coverage_floor: float = Field(
        0.5, ge=0, le=1, description="Below this coverage a partner is not rated, unless its criteria say otherwise."
    )
    blind_hours: int = Field(26, ge=1, le=8760, description="A source without a good run for this long is blind.")
    article_days: int = Field(
        1095, ge=90, le=36500, description="Words of articles older than this are erased; what was read in them stays."
    )
    news_hour: int = Field(
        2, ge=0, le=23, description="The hour (UTC) at which reading the tone of news is learned anew, once a day."
    )
    news_embeddings: bool = Field(
        False,
        description="Learn and read the tone of news with embeddings as well; needs the extra `warden[embeddings]`.",
    )
    start_at: AwareDatetime | None = Field(
        None,
        description="Let the service live as if it had started at this moment (ISO 8601); for the example and drills.",
    )
    noise_budget: float = Field(
        5.0,
        ge=0,
        allow_inf_nan=False,
        description="Alerts called noise, or false in a rehearsal, that a rule may raise per 100 partner-quarters; "
        "above it its page says so.",
    )
    session_days: int = Field(14, ge=1, le=90, description="How long a browser stays signed in.")

    @field_validator("our_domains", "allowed_networks", "file_roots", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Read a comma-separated list."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LOG_LEVELS:
            raise ValueError(f"expected one of {', '.join(LOG_LEVELS)}")
        return value.upper()

    @field_validator("default_locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        if value not in LOCALES:
            raise ValueError(f"expected one of {', '.join(LOCALES)}")
        return value

    @field_validator("our_domains")
    @classmethod
    def _domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"@?[^\s@:/?#]+", domain) for domain in value):
            raise ValueError("expected domains such as ours.example, with commas between them")
        return value

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            list(map(ip_network, value))
        except ValueError:
            raise ValueError("expected networks such as 10.0.0.0/8, with commas between them") from None
        return value

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        is_web = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0  # asked, a port is checked
        if not is_web or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://warden.example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _reach_this_machine(self) -> Self:
        """Until somebody says how Warden is reached, links lead to the port it listens on."""
        if "public_url" not in self.model_fields_set:
            self.public_url = f"http://127.0.0.1:{self.port}"
        return self
