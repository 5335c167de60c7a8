"""What can be set of a camera, beside its adapter. Light: the supervisor reads it, too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from citywatch.adapters.cameras.addresses import Address, MediaKind, parse_address, redact
from citywatch.domain.devices import check_device_id

Transport = Literal["tcp", "udp"]
"""How RTSP media travels."""


class CameraConfig(BaseModel):
    """One camera to be visited."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    camera: str
    """The device's id: letters, digits and . _ : / -"""
    url: SecretStr
    """rtsp://, http:// or https:// (a snapshot), file:// or a path. User and password may stand in it."""
    transport: Transport = "tcp"
    """How RTSP media travels."""
    visit_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """A visit begins this long after the one before."""
    connect_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """For name lookup and connecting, each."""
    media_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """From the connection to the picture; for RTSP longer than the camera's key frame interval."""
    username: str = ""
    """Overrides the user in the URL."""
    password_file: Path | None = None
    """A file that holds the password alone (a line end behind it is left out). Overrides the one in the URL."""
    tls_verify: bool = True
    """Whether the certificate of an https:// camera must be valid."""
    most_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 8 << 20
    """The largest snapshot or key frame that is taken."""

    @field_validator("camera")
    @classmethod
    def _camera(cls, camera: str) -> str:
        return check_device_id(camera)

    @field_validator("url")
    @classmethod
    def _url(cls, url: SecretStr) -> SecretStr:
        parse_address(url.get_secret_value())
        return url

    def address(self) -> Address:
        """The address taken apart; its `url` is free of user and password."""
        return parse_address(self.url.get_secret_value())

    @property
    def shown_url(self) -> str:
        """The address as it may be logged and printed."""
        return redact(self.url.get_secret_value())

    @property
    def is_live(self) -> bool:
        """False for a file: it can be visited without a pause."""
        return self.address().kind is not MediaKind.FILE
