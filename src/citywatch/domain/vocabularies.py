"""Our faults in the words of others, and theirs in ours: one table, from which every other view is derived.

A word of another vocabulary names the faults that it can mean, the likeliest first: that one a claim is taken for.
A word that means none of them says why. Words marked `check` are remembered by practitioners and found in public
implementations, and have not been compared with the standard's own text: data with a citation, to be corrected here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from citywatch.domain.faults import NOT_OF_CAMERAS
from citywatch.domain.pictures import Fault


class Vocabulary(StrEnum):
    """Whose words they are."""

    ONVIF = "onvif"
    """Tampering events of the video source, `tns1:VideoSource/...`, and the tampering rule."""
    DIAGNOSIS = "diagnosis"
    """The fifteen items of the vendors' picture diagnosis."""
    GB28181 = "gb28181"
    """AlarmMethod and AlarmType of GB/T 28181, `method` or `method.type`."""


CITATIONS: Mapping[Vocabulary, str] = MappingProxyType(
    {
        Vocabulary.ONVIF: "ONVIF Imaging Service Specification and ONVIF Analytics Service Specification",
        Vocabulary.DIAGNOSIS: "observed in data sheets of picture diagnosis; there is no standard",
        Vocabulary.GB28181: (
            "GB/T 28181-2016 and GB/T 28181-2022, Annex A (alarm notification), as public implementations quote it; "
            "5.13 is of 2022"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of another vocabulary. `none_because` is empty exactly when `faults` is not."""

    vocabulary: Vocabulary
    word: str
    meaning: str
    faults: tuple[Fault, ...] = ()
    none_because: str = ""
    about_picture: bool = False
    """It speaks of the picture, even where it does not say which fault it means."""
    check: bool = False


CAMERA_FAULTS: tuple[Fault, ...] = tuple(fault for fault in Fault if fault not in NOT_OF_CAMERAS)
"""The faults of cameras; `silent` is of devices that promise heartbeats, others are of scales."""


def _onvif(word: str, meaning: str, *faults: Fault) -> Word:
    return Word(Vocabulary.ONVIF, word, meaning, faults, about_picture=True)


def _item(word: str, meaning: str, *faults: Fault, none_because: str = "") -> Word:
    return Word(Vocabulary.DIAGNOSIS, word, meaning, faults, none_because, about_picture=True)


def _code(word: str, meaning: str, *faults: Fault, none_because: str = "", about_picture: bool = False) -> Word:
    return Word(Vocabulary.GB28181, word, meaning, faults, none_because, about_picture or bool(faults), check=True)


_SCENE = "it tells what happens in the scene, not how the camera does"
_HOUSING = "it is about the device's housing or surroundings, not about its picture"
_STORAGE = "it is about the storage of the recorder"
_ROAD = "it says by which road the alarm came, not what is wrong"

WORDS: tuple[Word, ...] = (
    _onvif("GlobalSceneChange", "the whole scene has changed", Fault.MOVED, Fault.COVERED, Fault.PARTLY_COVERED),
    _onvif("ImageTooDark", "the picture is too dark", Fault.BLACK, Fault.COVERED),
    _onvif("ImageTooBlurry", "the picture is too blurred", Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST),
    _onvif("ImageTooBright", "the picture is too bright", Fault.OVER_EXPOSED),
    _onvif("SignalLoss", "the video signal is lost", Fault.NO_MEDIA, Fault.STALLED),
    _onvif("TamperingDetection", "the rule tt:TamperingDetection has fired", Fault.COVERED, Fault.MOVED),
    _item("brightness", "too dark or too bright", Fault.OVER_EXPOSED, Fault.BLACK),
    _item("colour_cast", "one colour over the whole picture", Fault.COLOUR_CAST),
    _item("snow", "snow-like noise", Fault.SNOW),
    _item("stripe", "stripes or rolling bands", Fault.STRIPES),
    _item("freeze", "the picture stands still", Fault.FROZEN),
    _item("signal_loss", "no picture comes", Fault.NO_MEDIA, Fault.STALLED, Fault.UNREACHABLE),
    _item("clarity", "the picture is not sharp", Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST),
    _item("flutter", "the picture shakes", Fault.SHAKING),
    _item("tampering", "covered or turned away on purpose", Fault.COVERED, Fault.PARTLY_COVERED, Fault.MOVED),
    _item("blurred_screen", "blocks, mosaic, a torn picture", Fault.MOSAIC),
    _item("noise", "noise over the picture", Fault.SNOW),
    _item("light_spot", "a light spot or flare", none_because="a lamp or the sun in the lens passes by itself"),
    _item("purple_fringe", "purple fringes at edges", none_because="a weakness of the lens, from its first day on"),
    _item("infrared_cut_fault", "the infrared filter stands wrong", Fault.INFRARED_STUCK, Fault.COLOUR_CAST),
    _item("protective_film", "the protective film was left on", Fault.LOW_CONTRAST, Fault.OUT_OF_FOCUS),
    _code("1", "alarm by telephone", none_because=_ROAD),
    _code("2", "alarm of the device, no type given", none_because="it does not say what is wrong"),
    _code("2.1", "video loss", Fault.NO_MEDIA, Fault.STALLED),
    _code("2.2", "the device was opened or tampered with", none_because=_HOUSING),
    _code("2.3", "the disk of the recorder is full", none_because=_STORAGE),
    _code("2.4", "the device is too hot", none_because=_HOUSING),
    _code("2.5", "the device is too cold", none_because=_HOUSING),
    _code("3", "alarm by text message", none_because=_ROAD),
    _code("4", "alarm of positioning", none_because=_ROAD),
    _code("5", "alarm of the video, no type given", none_because="it does not say what is wrong", about_picture=True),
    _code("5.1", "raised by a person who watches", none_because=_SCENE),
    _code("5.2", "motion", none_because=_SCENE),
    _code("5.3", "an object was left", none_because=_SCENE),
    _code("5.4", "an object was removed", none_because=_SCENE),
    _code("5.5", "trip line", none_because=_SCENE),
    _code("5.6", "intrusion", none_because=_SCENE),
    _code("5.7", "against the direction of travel", none_because=_SCENE),
    _code("5.8", "loitering", none_because=_SCENE),
    _code("5.9", "traffic count", none_because=_SCENE),
    _code("5.10", "density", none_because=_SCENE),
    _code("5.11", "abnormal video", none_because="it does not say what is wrong", about_picture=True),
    _code("5.12", "fast movement", none_because=_SCENE),
    _code("5.13", "the picture is covered", Fault.COVERED, Fault.PARTLY_COVERED),
    _code("6", "fault of the device, no type given", none_because="it does not say what is wrong"),
    _code("6.1", "a disk of the recorder is faulty", none_because=_STORAGE),
    _code("6.2", "a fan of the recorder is faulty", none_because=_STORAGE),
    _code("7", "any other alarm", none_because="it does not say what is wrong"),
)
"""Every foreign word that is known, each once."""

_BY_WORD: Mapping[tuple[Vocabulary, str], Word] = MappingProxyType(
    {(word.vocabulary, word.word): word for word in WORDS}
)


def find(vocabulary: Vocabulary, word: str) -> Word | None:
    """The entry of a word, None for an unknown one."""
    return _BY_WORD.get((vocabulary, word))


def words_for(fault: Fault, vocabulary: Vocabulary) -> tuple[Word, ...]:
    """What a fault is called there, best first; empty where that vocabulary has no word for it."""
    found = [word for word in WORDS if word.vocabulary is vocabulary and fault in word.faults]
    return tuple(sorted(found, key=lambda word: word.faults.index(fault)))


_TAMPERING = frozenset({"TamperDetector", "Tampering", "Tamper"})
"""What makers call tampering in topics of their own: `RuleEngine/TamperDetector/Tamper`, `VideoSource/Tampering`."""


def fault_of_onvif_topic(topic: str) -> Fault | None:
    """The fault that an ONVIF topic without prefixes claims, such as `VideoSource/ImageTooDark/ImagingService`."""
    for part in topic.split("/"):
        word = find(Vocabulary.ONVIF, "TamperingDetection" if part in _TAMPERING else part)
        if word is not None:
            return word.faults[0]
    return None


def gb28181_alarm(method: int, kind: int | None) -> Word | None:
    """The entry of a GB/T 28181 alarm; an unknown type counts as its method without one, None for no known method."""
    exact = None if kind is None else find(Vocabulary.GB28181, f"{method}.{kind}")
    return exact or find(Vocabulary.GB28181, str(method))
