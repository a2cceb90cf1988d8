"""Random schedules have the dates that Prefect's code computes, across both clock changes."""

import json
import random
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from handlers.scheduling.dates import dates_of
from tests.servers import ROOT

COUNT = 1000
MOST = 60  # dates of a schedule
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", None)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

# Each line of the input is a schedule with its start and end; each of the output a list of times.
PROGRAM = """
import asyncio, json, sys
from datetime import datetime
from pydantic import TypeAdapter
from prefect.server.schemas.schedules import SCHEDULE_TYPES
adapter = TypeAdapter(SCHEDULE_TYPES)
async def main():
    for line in sys.stdin:
        case = json.loads(line)
        schedule = adapter.validate_python(case["schedule"])
        start, end = (datetime.fromisoformat(case[name]) for name in ("start", "end"))
        dates = await schedule.get_dates(case["most"], start, end)
        print(json.dumps([date.isoformat() for date in dates]), flush=True)
asyncio.run(main())
"""


def cron(randomness: random.Random) -> dict[str, Any]:
    def field(low: int, high: int) -> str:
        some = sorted(randomness.sample(range(low, high + 1), 2))
        choices = ["*", str(some[0]), f"*/{randomness.randint(2, 7)}", f"{some[0]}-{some[1]}", f"{some[0]},{some[1]}"]
        return randomness.choice(choices)

    minute = randomness.choice(["0", "30", field(0, 59)])
    parts = [
        minute,
        field(0, 23),
        field(1, 31),
        randomness.choice(["*", field(1, 12)]),
        randomness.choice(["*", field(0, 6)]),
    ]
    return {"cron": " ".join(parts), "day_or": randomness.random() < 0.7}


def interval(randomness: random.Random) -> dict[str, Any]:
    seconds = randomness.choice([600, 3600, 5400, 86_400, 93_600, 7 * 86_400, randomness.randint(60, 10**6)])
    anchor = START + timedelta(seconds=randomness.randint(-(10**7), 10**7))
    return {"interval": seconds, "anchor_date": anchor.isoformat()}


def rrule(randomness: random.Random) -> dict[str, Any]:
    kind = randomness.choice(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"])
    parts = [f"FREQ={kind}", f"INTERVAL={randomness.randint(1, 5)}"]
    if kind == "WEEKLY":
        parts.append(f"BYDAY={','.join(randomness.sample(DAYS, 2))}")
    if kind != "HOURLY":
        parts.append(f"BYHOUR={randomness.randint(0, 23)};BYMINUTE=30;BYSECOND=0")
    if randomness.random() < 0.2:
        parts.append("COUNT=500")
    begin = START - timedelta(days=randomness.randint(0, 400))
    return {"rrule": f"DTSTART:{begin:%Y%m%dT%H%M%S}\nRRULE:{';'.join(parts)}"}


def case_of(randomness: random.Random) -> dict[str, Any]:
    schedule = randomness.choice([cron, interval, rrule])(randomness)
    zone = randomness.choice(ZONES)
    schedule["timezone"] = zone if zone is not None or "rrule" not in schedule else "UTC"
    if "interval" in schedule and zone is None:
        schedule["timezone"] = "UTC"
    begin = START + timedelta(seconds=randomness.randint(0, 2 * 365 * 86_400))
    if randomness.random() < 0.6:  # near a change of clocks
        change = randomness.choice([(2025, 3, 30), (2025, 10, 26), (2026, 3, 8), (2026, 11, 1), (2025, 4, 6)])
        begin = datetime(*change, tzinfo=timezone.utc) - timedelta(seconds=randomness.randint(0, 86_400))
    return {
        "schedule": schedule,
        "start": begin.isoformat(),
        "end": (begin + timedelta(days=100)).isoformat(),
        "most": MOST,
    }


def own_dates(case: dict[str, Any]) -> list[datetime]:
    start, end = (datetime.fromisoformat(case[name]) for name in ("start", "end"))
    return [date.astimezone(timezone.utc) for date in dates_of(case["schedule"], start, end, case["most"])]


def test_random_schedules_have_the_same_dates(randomness: random.Random) -> None:
    cases = [case_of(randomness) for _ in range(COUNT)]
    python: Path = ROOT / ".real" / "bin" / "python"
    lines = "\n".join(map(json.dumps, cases))
    done = subprocess.run([python, "-c", PROGRAM], input=lines, capture_output=True, text=True, timeout=600, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == COUNT
    differing = []
    for case, answer in zip(cases, answers, strict=True):
        expected = [datetime.fromisoformat(text).astimezone(timezone.utc) for text in answer]
        if own_dates(case) != expected:
            differing.append((case, [str(date) for date in expected[:5]], [str(date) for date in own_dates(case)[:5]]))
    assert not differing, (len(differing), differing[:3])
