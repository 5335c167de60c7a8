"""From what devices and platforms say to claims: changes at once, what stands once in a while, alarms not too often."""

from __future__ import annotations

from collections.abc import Mapping

from citywatch.adapters.gb28181.book import Book, Channel, Registrant
from citywatch.adapters.gb28181.outbox import Outbox
from citywatch.domain.claims import Claim
from citywatch.domain.devices import Device, DeviceKind
from citywatch.domain.vocabularies import Vocabulary, gb28181_alarm
from citywatch.wire.gb28181 import CAMERA_KINDS, RECORDER_KINDS, Alarm, Item, is_code, kind_of_code

DEVICE_FAULT = "device_fault"
"""Detail of the ALARM that a keepalive raises which names a device as out of order."""
LEFT = "left_catalogue"
"""Detail of the OFFLINE of a channel that stands in its catalogue no longer."""
_MOST_ALARMS = 1024

_EVENTS: Mapping[str, bool] = {"ON": True, "OFF": False, "VLOST": True, "DEFECT": True, "DEL": False}
"""What an event says of a channel's being online: one that has lost its video is still there."""


class Claims:
    """Says what has changed, and remembers it in the book."""

    def __init__(self, book: Book, outbox: Outbox, cameras: Mapping[str, str], refresh_ns: int) -> None:
        self._book = book
        self._outbox = outbox
        self._cameras = cameras
        self._refresh_ns = refresh_ns

    def device_of(self, code: str) -> str:
        """The id of the device with that code: what the settings call it, else the code itself."""
        return self._cameras.get(code, code)

    # registrants

    def on(self, registrant: Registrant, reason: str, now_ns: int) -> None:
        """It is there, by registering or by saying so."""
        registrant.online, registrant.reason = True, reason
        self._book.changed = True
        self._presence(registrant, now_ns)

    def off(self, registrant: Registrant, reason: str, now_ns: int) -> None:
        registrant.online, registrant.reason = False, reason
        self._book.changed = True
        self._presence(registrant, now_ns)

    def keepalive(self, registrant: Registrant, is_ok: bool, faulty: frozenset[str], now_ns: int) -> None:
        """What a keepalive says besides that it came."""
        if registrant.is_faulty == is_ok:
            registrant.is_faulty = not is_ok
            self._book.changed = True
            self._say(registrant, registrant.code, _standing(not is_ok), "keepalive", DEVICE_FAULT, now_ns)
        for channel in registrant.channels.values():
            if channel.is_faulty != (channel.code in faulty):
                channel.is_faulty = not channel.is_faulty
                self._book.changed = True
                self._say(registrant, channel.code, _standing(channel.is_faulty), "keepalive", DEVICE_FAULT, now_ns)

    def status(self, registrant: Registrant, is_ok: bool | None, now_ns: int) -> None:
        """What it says of itself when it is asked for its status."""
        if is_ok is not None and registrant.is_faulty == is_ok:
            registrant.is_faulty = not is_ok
            self._book.changed = True
            self._say(registrant, registrant.code, _standing(not is_ok), "event", DEVICE_FAULT, now_ns)

    # channels

    def item(self, registrant: Registrant, item: Item, now_ns: int) -> bool:
        """An entry of a catalogue; False when it is a channel and there is no room for it."""
        if not _is_watched(item.code):
            return True
        if item.event == "DEL":
            self.left(registrant, item.code, now_ns)
            return True
        channel = self._book.channel(registrant, item.code)
        if channel is None:
            return False
        self._describe(registrant, channel, item, now_ns)
        online = _EVENTS.get(item.event, item.is_on)
        if online is not None and channel.online != online:
            channel.online = online
            self._book.changed = True
            self._say(registrant, item.code, _presence(online), "catalogue", "", now_ns)
        trouble = item.event if item.event in ("VLOST", "DEFECT") else ""
        if item.event in ("ON", "VLOST", "DEFECT") and channel.trouble != trouble:
            self._trouble(registrant, channel, trouble, now_ns)
        return True

    def left(self, registrant: Registrant, code: str, now_ns: int) -> None:
        """A channel that stands in the catalogue no longer."""
        channel = registrant.channels.get(code)
        if channel is None:
            return
        if channel.trouble:
            self._trouble(registrant, channel, "", now_ns)
        self._say(registrant, code, Claim.OFFLINE, "catalogue", LEFT, now_ns)
        self._book.drop_channel(registrant, code)

    def introduce(self, registrant: Registrant, now_ns: int) -> None:
        """One that registers for the first time: what it is can be read off its code."""
        self._outbox_describe(registrant.code, "", "", "", now_ns)

    def describe_registrant(self, registrant: Registrant, name: str, now_ns: int) -> None:
        """Its own name, as it tells it."""
        if name and name != registrant.name:
            registrant.name = name
            self._book.changed = True
            self._outbox_describe(registrant.code, name, "", "", now_ns)

    def _describe(self, registrant: Registrant, channel: Channel, item: Item, now_ns: int) -> None:
        parent = item.parent.rpartition("/")[2]
        if not is_code(parent) or kind_of_code(parent) not in RECORDER_KINDS:
            # Folders, regions and platforms are no device that a channel hangs on.
            parent = registrant.code if kind_of_code(registrant.code) in RECORDER_KINDS else ""
        if parent == item.code:
            parent = ""
        name = item.name or channel.name
        if not self._book.may_describe(registrant, channel.code, parent):
            return
        if (name, parent) != (channel.name, channel.parent) or channel.online is None:
            channel.name, channel.parent = name, parent
            self._book.changed = True
            self._outbox_describe(channel.code, name, item.address, parent, now_ns)

    def _outbox_describe(self, code: str, name: str, place: str, parent: str, now_ns: int) -> None:
        if code in self._cameras:
            return  # the fleet's own list describes it
        kind = DeviceKind.CAMERA if kind_of_code(code) in CAMERA_KINDS else DeviceKind.RECORDER
        self._outbox.describe(Device(code, kind, name, place, 0, self.device_of(parent) if parent else ""), now_ns)

    # alarms

    def alarm(self, registrant: Registrant, alarm: Alarm, now_ns: int) -> None:
        """An alarm; the same one is said again only after the time of a refresh."""
        about = alarm.device
        if about not in registrant.channels and (about not in self._cameras or self._book.describer(about)):
            about = registrant.code  # a stranger's, or the channel of another recorder
        word = None if alarm.method is None else gb28181_alarm(alarm.method, alarm.kind)
        detail = f"{Vocabulary.GB28181}:{'unknown' if word is None else word.word}"
        claim = Claim.TAMPERED if word is not None and word.about_picture else Claim.ALARM
        if word is not None and word.faults:
            detail = word.faults[0].value
        key = (self.device_of(about), detail)
        last_ns = registrant.alarms.pop(key, None)
        if last_ns is not None and 0 <= now_ns - last_ns < self._refresh_ns:
            registrant.alarms[key] = last_ns
            return
        registrant.alarms[key] = now_ns
        if len(registrant.alarms) > _MOST_ALARMS:
            del registrant.alarms[next(iter(registrant.alarms))]
        self._say(registrant, about, claim, "alarm", detail, now_ns, alarm.said_ns)

    # again

    def refresh(self, registrant: Registrant, now_ns: int) -> None:
        """All that stands, once more: who has lost it learns it again, who has it sees that it still holds."""
        self._presence(registrant, now_ns)
        if registrant.is_faulty:
            self._say(registrant, registrant.code, Claim.ALARM, "keepalive", DEVICE_FAULT, now_ns)
        if not (registrant.registered and registrant.online):
            return  # nobody speaks for the channels now: their claims lapse
        for channel in registrant.channels.values():
            if channel.online is not None:
                self._say(registrant, channel.code, _presence(channel.online), "catalogue", "", now_ns)
            if channel.trouble:
                self._say_trouble(registrant, channel.code, channel.trouble, True, now_ns)
            if channel.is_faulty:
                self._say(registrant, channel.code, Claim.ALARM, "keepalive", DEVICE_FAULT, now_ns)

    def _presence(self, registrant: Registrant, now_ns: int) -> None:
        self._say(registrant, registrant.code, _presence(registrant.online), registrant.reason, "", now_ns)

    def _trouble(self, registrant: Registrant, channel: Channel, trouble: str, now_ns: int) -> None:
        if channel.trouble:
            self._say_trouble(registrant, channel.code, channel.trouble, False, now_ns)
        channel.trouble = trouble
        self._book.changed = True
        if trouble:
            self._say_trouble(registrant, channel.code, trouble, True, now_ns)

    def _say_trouble(self, registrant: Registrant, code: str, trouble: str, stands: bool, now_ns: int) -> None:
        lost = gb28181_alarm(2, 1) if trouble == "VLOST" else None
        detail = lost.faults[0].value if lost is not None else DEVICE_FAULT
        claim = Claim.TAMPERED if lost is not None else Claim.ALARM
        self._say(registrant, code, claim if stands else Claim.OVER, "catalogue", detail, now_ns)

    def _say(
        self, registrant: Registrant, code: str, claim: Claim, reason: str, detail: str, now_ns: int, said_ns: int = -1
    ) -> None:
        source = f"{Vocabulary.GB28181}:{registrant.code}"
        self._outbox.say(self.device_of(code), now_ns, source, claim, reason, detail, said_ns)


def _is_watched(code: str) -> bool:
    return is_code(code) and kind_of_code(code) in CAMERA_KINDS | RECORDER_KINDS


def _presence(online: bool) -> Claim:
    return Claim.ONLINE if online else Claim.OFFLINE


def _standing(stands: bool) -> Claim:
    return Claim.ALARM if stands else Claim.OVER
