"""What the benchmark ran on."""

import os
import platform
from pathlib import Path

from bench import wrk
from bench.installed import words_of


def facts() -> dict[str, str]:
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "memory": memory(),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Node.js": words_of(["node", "--version"]).removeprefix("v"),
        "Java": words_of(["java", "-version"]),
        "wrk": wrk.version(),
        "commit": words_of(["git", "describe", "--always", "--dirty"]),
    }


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
