"""Whether two responses are alike: equal except for generated ids, and for times and durations of about now."""

import re
from datetime import datetime
from typing import Any

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")
DURATIONS = {"total_run_time", "estimated_run_time", "estimated_start_time_delta", "delay_seconds"}
LATER = {"created", "updated"}
SETS = {"after", "expect"}  # of triggers, in another order in each process of a real server
SLOTS = "active_slots"  # the ids of runs, in any order
SECONDS = 10.0  # between the responses of the two, at most


class Likeness:
    """Compares responses, and learns which ids correspond to each other."""

    def __init__(self) -> None:
        self.ours: dict[str, str] = {}
        self.real: dict[str, str] = {}

    def translated(self, text: str) -> str:
        """A text for the real server, with the ids of the stand-in."""
        return ID.sub(lambda match: self.ours.get(match[0], match[0]), text)

    def difference(self, real: Any, ours: Any, place: str = "") -> str | None:
        """The first difference, or None."""
        if isinstance(real, dict) and isinstance(ours, dict):
            return self._of_objects(real, ours, place)
        if isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
            pairs = enumerate(zip(real, ours, strict=True))
            return next((found for n, pair in pairs if (found := self.difference(*pair, f"{place}[{n}]"))), None)
        if isinstance(real, str) and isinstance(ours, str):
            same = self._same_texts(real, ours)
        elif not place and isinstance(real, float) and isinstance(ours, float):  # how late runs are now
            same = abs(real - ours) < SECONDS
        else:
            same = real == ours
        return None if same else f"{place}: {real!r} is {ours!r}"

    def _of_objects(self, real: dict[str, Any], ours: dict[str, Any], place: str) -> str | None:
        if real.keys() != ours.keys():
            return f"{place}: {real.keys() ^ ours.keys()} in one only"
        for name in real.keys() - LATER:
            first, second = real[name], ours[name]
            if name in DURATIONS and isinstance(first, int | float) and isinstance(second, int | float):
                found = None if abs(first - second) < SECONDS else f"{place}.{name}: {first} is {second}"
            elif name in SETS and isinstance(first, list) and isinstance(second, list):
                found = self.difference(sorted(first, key=str), sorted(second, key=str), f"{place}.{name}")
            elif name == "pause_keys" and first and second:
                # Keys that a server generated are anywhere among the others.
                first, second = (sorted(ID.sub("made up", str(key)) for key in keys) for keys in (first, second))
                found = self.difference(first, second, f"{place}.{name}")
            elif name == SLOTS and isinstance(first, list) and isinstance(second, list):
                known = {self.ours[each] for each in first if each in self.ours}
                same = len(first) == len(second) and known <= set(second)
                found = None if same else f"{place}.{name}: {first} is {second}"
            else:
                found = self.difference(first, second, f"{place}.{name}")
            if found:
                return found
        return None

    def _same_texts(self, real: str, ours: str) -> bool:
        if ID.fullmatch(real) and ID.fullmatch(ours):
            return self.ours.setdefault(real, ours) == ours and self.real.setdefault(ours, real) == real
        if real == ours:
            return True
        if TIME.fullmatch(real) and TIME.fullmatch(ours):
            return abs((moment(real) - moment(ours)).total_seconds()) < SECONDS
        parts = [(match[0], other[0]) for match, other in zip(ID.finditer(real), ID.finditer(ours), strict=False)]
        return ID.sub("", real) == ID.sub("", ours) and all(self._same_texts(*pair) for pair in parts)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
