"""What the service remembers about itself."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from warden.models.base import Base


class Meta(Base):
    """A few named values: the clock's heartbeat, the aliases' epoch, when partners were last assessed."""

    __tablename__ = "meta"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[dict[str, Any]]
