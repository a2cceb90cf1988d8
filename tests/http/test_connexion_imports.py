"""Connexion's imports that a server does not need are deferred, and are made when they are used."""

import subprocess
import sys

import pytest

# Each of these runs in a new process, since this one has imported nearly everything.
WITH_THE_FIRST_REQUEST_FOR_IT = """
import httpx
from understudy import StandIn
assert "connexion" not in sys.modules
with StandIn() as server:
    assert httpx.get(f"{server.url}/health").status_code == 200
    assert httpx.get(f"{server.url}/artifacts/no-such-key/latest").status_code == 404
    assert "connexion" not in sys.modules
    assert httpx.get(f"{server.url}/health/").status_code == 307
    assert httpx.put(f"{server.url}/health").status_code == 405
    assert "connexion" in sys.modules
"""
NOTHING_STAYS = """
from understudy.http.connexion_imports import UNUSED, Later
assert not set(UNUSED) & set(sys.modules), set(UNUSED) & set(sys.modules)
assert not any(isinstance(module, Later) for module in sys.modules.values())
"""
CALLED = """
from understudy.http import connexion_imports
from connexion import AsyncApp
import starlette.testclient
app = AsyncApp("app")
app.add_api({"openapi": "3.0.3", "info": {"title": "Nothing", "version": "1"}, "paths": {}})
with app.test_client() as client:
    assert type(client) is starlette.testclient.TestClient
    assert client.get("/nothing").status_code == 404
"""
THERE_ALREADY = """
import jinja2
from understudy.http import connexion_imports
import connexion.spec
assert connexion.spec.jinja2 is sys.modules["jinja2"] is jinja2
"""
BESIDE_THREADS = """
import threading
done = threading.Event()
threading.Thread(target=done.wait).start()
from understudy.http import connexion_imports
done.set()
import connexion.spec
assert connexion.spec.jinja2 is sys.modules["jinja2"]
"""
# Enough of Flask to make a difference; its absence is then reported as Connexion expects.
BESIDE_FLASK = """
import tempfile
from pathlib import Path
with tempfile.TemporaryDirectory() as folder:
    text = "import jinja2\\nclass Templates(jinja2.Environment): pass\\nraise ImportError('that was all')\\n"
    Path(folder, "flask.py").write_text(text, encoding="utf-8")
    sys.path.insert(0, folder)
    from understudy.http import connexion_imports
import connexion.spec
assert connexion.spec.jinja2 is sys.modules["jinja2"]
"""
FAILS = """
from understudy.http.connexion_imports import lazily_imported
try:
    with lazily_imported("jinja2"):
        import jinja2
        raise OSError
except OSError:
    pass
assert "jinja2" not in sys.modules
assert jinja2.Template("{{ 1 + 1 }}").render() == "2"
import jinja2 as real
assert real.__file__ and real.Template.__module__ == "jinja2.environment"
"""


@pytest.mark.parametrize(
    "program",
    [WITH_THE_FIRST_REQUEST_FOR_IT, NOTHING_STAYS, CALLED, THERE_ALREADY, BESIDE_THREADS, BESIDE_FLASK, FAILS],
)
def test_deferred_imports(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import sys\n{program}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
