"""The latest report of a flow, as a message for Slack."""

import os
import sys
from datetime import datetime

import httpx

FAILED = ["FAILED", "CRASHED"]


class NoReport(Exception):
    """There is no report of this key."""


def latest_report(client: httpx.Client, key: str) -> str:
    """The latest report of a key, and the flows with runs that have failed since.

    Raises:
        NoReport: no flow has ever made one.
    """
    answer = client.get(f"/artifacts/{key}/latest")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NoReport(key)
    report = answer.raise_for_status().json()
    made = datetime.fromisoformat(report["created"].replace("Z", "+00:00"))
    return "\n".join(
        (f"*{report['description'] or key}* of {made:%d %B %Y}", report["data"], failures(client, report["created"]))
    )


def failures(client: httpx.Client, since: str) -> str:
    """The flows with runs that began after a moment and failed, in a line."""
    failed = {"state": {"type": {"any_": FAILED}}, "start_time": {"after_": since}}
    answer = client.post("/flows/filter", json={"flow_runs": failed, "sort": "NAME_ASC"})
    names = [flow["name"] for flow in answer.raise_for_status().json()]
    return f":x: Failed since: {', '.join(names)}" if names else ":white_check_mark: Nothing has failed since."


def main() -> None:
    with httpx.Client(base_url=os.environ["PREFECT_API_URL"]) as client:
        try:
            print(latest_report(client, sys.argv[1]))
        except NoReport as error:
            sys.exit(f"There is no report `{error}`.")
