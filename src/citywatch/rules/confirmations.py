"""How many looks, over which time, confirm and clear each fault of a camera.

What parts the times: nothing that passes by itself may last so long. A lorry or a bus stands before a camera for
minutes (covered, partly covered, moved, out of focus; its long edges may look torn or striped: mosaic, stripes); fog
and a camera's own settling after dusk take minutes, too. What the network says is quick.

What the picture shows is confirmed by two looks that show the same fault in the same picture, so far apart as nothing
stands that passes; or by three that do not look alike. No two torn pictures do: of those any two are enough, and one
whole picture between them says nothing where it was the decoder that called the stream broken (rules/suspicions.py).
`again_seconds` of a suspicion tells the patrol to look next when a second look can confirm. So whichever of three looks
a bus takes, the other two are enough: docs/decisions/0058.
Faults that may be taken for one another have the same time, so that a name which changes moves no look.
"""

from __future__ import annotations

from collections.abc import Mapping

from citywatch.domain.pictures import Fault
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.rules.faults import Confirmation

_QUICK = Confirmation(confirm_looks=2, confirm_seconds=0.0, clear_looks=2)
_PASSING = Confirmation(confirm_looks=3, confirm_seconds=420.0, clear_looks=2, hidden_looks=1)

CONFIRMATIONS: Mapping[Fault, Confirmation] = {
    Fault.UNREACHABLE: _QUICK,
    Fault.NO_MEDIA: _QUICK,
    Fault.STALLED: _QUICK,
    Fault.FROZEN: Confirmation(confirm_looks=3, confirm_seconds=60.0, clear_looks=2),
    Fault.BLACK: _QUICK,
    Fault.OVER_EXPOSED: _PASSING,
    Fault.COVERED: _PASSING,
    Fault.PARTLY_COVERED: _PASSING,
    Fault.OUT_OF_FOCUS: _PASSING,
    Fault.MOVED: _PASSING,
    Fault.SHAKING: Confirmation(
        confirm_looks=3, confirm_seconds=420.0, clear_looks=4, clear_seconds=600.0, hidden_looks=1, any_picture=True
    ),
    Fault.COLOUR_CAST: _PASSING,
    Fault.SNOW: Confirmation(confirm_looks=3, confirm_seconds=60.0, clear_looks=3),
    Fault.STRIPES: Confirmation(confirm_looks=3, confirm_seconds=420.0, clear_looks=3, hidden_looks=1),
    Fault.MOSAIC: Confirmation(
        confirm_looks=3, confirm_seconds=420.0, clear_looks=4, clear_seconds=300.0, hidden_looks=1, any_picture=True
    ),
    Fault.LOW_CONTRAST: _PASSING,
    Fault.INFRARED_STUCK: Confirmation(confirm_looks=3, confirm_seconds=600.0, clear_looks=2),
    Fault.LOW_FRAME_RATE: Confirmation(confirm_looks=3, confirm_seconds=120.0, clear_looks=2),
    Fault.CLOCK_WRONG: Confirmation(confirm_looks=3, confirm_seconds=60.0, clear_looks=2),
}
"""Of every fault of a camera, where the configuration says nothing else."""


def alike(rule: Confirmation) -> Mapping[Fault, Confirmation]:
    """One rule for every fault."""
    return dict.fromkeys(CAMERA_FAULTS, rule)
