"""What a figure is, said as plainly as it can be: for every second, who says what of the device. Nothing is shared
with the product but the terms (facts and contracts)."""

from collections import Counter
from datetime import datetime
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from citywatch.domain.service import STANDINGS, STATES, ServiceState

S = 1_000_000_000
EXTERNAL = ServiceState.DISABLED


def strength(fact):
    return (
        STANDINGS.index(fact.standing),
        fact.known_ns,
        fact.number,
        STATES.index(fact.state),
        fact.worst_from_ns,
        fact.best_from_ns,
        fact.worst_to_ns,
        fact.best_to_ns,
        fact.cause,
        fact.evidence,
    )


def excluded(fact, contract, register, worst):
    if contract.exclusions is None:
        return True
    for rule in contract.exclusions:
        word, _, about = fact.cause.partition(":")
        if not fnmatchcase(word, rule.cause):
            continue
        if rule.declared_within is not None and fact.known_ns - fact.worst_from_ns > rule.declared_within:
            continue
        if not rule.only_if_others_answer:
            return True
        ours = contract.contractor or (register[fact.device].contractor if fact.device in register else "")
        theirs = register[about].contractor if about in register else ""
        if not (ours and theirs):
            if not worst:
                return True
        elif ours != theirs:
            return True
    return False


def state_at(facts, at, contract, register, worst, known_at, known_until):
    """(state told, what it counts as) at one instant; strongest first, through what is not excluded."""
    through = False
    for fact in sorted((f for f in facts if f.known_ns <= known_at), key=strength, reverse=True):
        begin = fact.worst_from_ns if worst else fact.best_from_ns
        end = fact.worst_to_ns if worst else fact.best_to_ns
        if not begin <= at < end:
            continue
        declared = fact.state in (EXTERNAL, ServiceState.RETIRED) and fact.standing.value != "inhibited"
        if at >= known_until and not declared:
            continue
        if fact.state is EXTERNAL and not excluded(fact, contract, register, worst):
            through = True
            continue
        return fact.state, counted(fact.state, contract, worst)
    if through:
        return EXTERNAL, "down"
    return ServiceState.UNKNOWN, counted(ServiceState.UNKNOWN, contract, worst)


def counted(state, contract, worst):
    terms = contract.intact
    if state is ServiceState.UNKNOWN:
        return "unknown" if terms.unknown == "between" else terms.unknown.value
    if state is ServiceState.DEGRADED:
        return ("down" if worst else "up") if terms.degraded == "between" else terms.degraded.value
    if state is EXTERNAL:
        return "excluded"
    return state.value


def open_at(contract, name, at, holidays=()):
    """Whether a calendar is open at an instant, by the local clock. `holidays`: days off."""
    if name == "24x7":
        return True
    terms = contract.calendars[name]
    local = datetime.fromtimestamp(at // S, ZoneInfo(contract.time_zone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    day = local.date()
    works = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()] in terms.days
    works = (works or day in terms.open) and day not in terms.closed and day not in holidays
    return works and any(begin <= second < end for begin, end in terms.hours)


def walk(facts, contract, from_ns, to_ns, *, register=None, worst, known_at=2**62, known_until=2**62, holidays=()):
    """Seconds by what they count as, over all devices of the facts."""
    spent = Counter()
    devices = sorted({fact.device for fact in facts})
    for at in range(from_ns, to_ns, S):
        if not open_at(contract, contract.intact.calendar, at, holidays):
            continue
        for device in devices:
            mine = [fact for fact in facts if fact.device == device]
            spent[state_at(mine, at, contract, register or {}, worst, known_at, min(known_until, known_at))[1]] += 1
    return {kind: spent[kind] for kind in ("up", "down", "unknown", "excluded", "retired")}
