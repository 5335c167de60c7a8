"""`citywatch cameras discover|ask`: what is there by ONVIF, before anything of it is watched."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from citywatch.adapters.cameras.answers import VisitFailure
from citywatch.adapters.cameras.config import CameraConfig
from citywatch.adapters.onvif.discovery import discover
from citywatch.adapters.onvif.eyes import access_of
from citywatch.app.clock import SystemClock
from citywatch.domain.instants import NS_PER_S
from citywatch.errors import ConfigurationError, OutsideError


def discover_devices(*, wait_s: float, interface: str, targets: Sequence[str], as_json: bool) -> int:
    """Print every device that answers, one a line; the exit code, 0 also when none does."""
    found = asyncio.run(discover(wait_s=wait_s, interface=interface, targets=targets))
    for device in found:
        line = (
            json.dumps(asdict(device), ensure_ascii=False)
            if as_json
            else f"{device.addresses[0]}  {device.name or '-'}  {device.hardware or '-'}  {device.location or '-'}"
        )
        sys.stdout.write(line + "\n")
    if not found:
        sys.stderr.write("no device answered; a multicast does not cross routers: name hosts with --target\n")
    return 0


def ask_device(url: str, *, username: str, password_file: Path | None, tls_verify: bool, as_json: bool) -> int:
    """Print what a device says of itself; the exit code. Raises ConfigurationError, OutsideError."""
    fields = {"camera": "asked", "url": url, "username": username, "password_file": password_file}
    try:
        camera = CameraConfig.model_validate({**fields, "tls_verify": tls_verify})
        access = access_of(camera)
    except ValidationError as error:
        raise ConfigurationError(f"cameras ask: {error.errors(include_input=False)[0]['msg']}") from None
    except ValueError:
        raise ConfigurationError(f"cameras ask: {camera.shown_url}: write onvif://HOST or onvif+https://HOST") from None
    except VisitFailure as failure:
        raise ConfigurationError(f"cameras ask: {failure}") from None

    async def ask() -> dict[str, Any]:
        async with access.open() as device:
            information = await device.information()
            offset_ns = await device.clock_offset_ns(SystemClock())
            profiles = await device.profiles()
        return {
            **asdict(information),
            "clock_offset_seconds": round(offset_ns / NS_PER_S, 1),
            "profiles": [asdict(profile) for profile in profiles],
        }

    try:
        told = asyncio.run(ask())
    except OutsideError as error:
        raise OutsideError(error.reason, f"cameras ask: {camera.shown_url}: {error}", retry=error.retry) from None
    if as_json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return 0
    words = [f"{name}  {value}" for name, value in told.items() if name != "profiles"]
    for profile in told["profiles"]:
        words += [f"profile {profile['token']}  {profile['codec']} {profile['width']}x{profile['height']}"]
        words += [f"  stream    {profile['stream_url']}", f"  snapshot  {profile['snapshot_url'] or '-'}"]
    sys.stdout.write("\n".join(words) + "\n")
    return 0
