"""The paths of the benchmark. Everything that it creates, except its results, is below the cache."""

from pathlib import Path

BENCH = Path(__file__).parent
ROOT = BENCH.parent
RESULTS = BENCH / "results"

CACHE = ROOT / ".cache/bench"
WORK = CACHE / "work"  # what a run needs while it runs
PARTIAL = CACHE / "partial"  # results of parts of the benchmark
SETS = CACHE / "sets"
DATABASES = CACHE / "databases"
UNDERSTUDY = CACHE / "understudy"
PYTHON = CACHE / "python"
NODE = CACHE / "node"

DEMO = ROOT / "fixtures/demo"
CONTRACT = ROOT / "openapi.yaml"
REAL = ROOT / ".real"
