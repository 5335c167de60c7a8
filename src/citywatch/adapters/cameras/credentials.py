"""Whom we are to a camera: user and password from its description, its address, and its secret file."""

from __future__ import annotations

from citywatch.adapters.cameras.addresses import Address
from citywatch.adapters.cameras.answers import unchecked
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.domain.pictures import VisitReason

_MOST_PASSWORD_BYTES = 4096


def user_and_password(camera: CameraConfig, address: Address) -> tuple[str, str]:
    """For one of the camera's addresses. Raises VisitFailure (unchecked, authentication) for an unreadable file."""
    password = address.password
    if camera.password_file is not None:
        # Read at each visit, so that a changed password needs no restart.
        try:
            with camera.password_file.open("rb") as file:
                password = file.read(_MOST_PASSWORD_BYTES).decode("utf-8", "replace").rstrip("\r\n")
        except OSError as error:
            raise unchecked(
                VisitReason.AUTHENTICATION,
                f"{camera.shown_url}: password_file {camera.password_file} cannot be read ({error.strerror})",
            ) from None
    return camera.username or address.username, password
