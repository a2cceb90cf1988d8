"""The block types that every server has, as in an installed Prefect and in a real server."""

import json
import subprocess
from html import escape
from pathlib import Path

from tests.conftest import SMALL
from tests.servers import REAL, ROOT, real_server

READ = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("system_blocks", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(json.dumps(list(module.system_blocks())))
"""


def test_blocks_of_an_installed_prefect_are_those_of_a_real_server(tmp_path: Path) -> None:
    """The handlers read them in an environment with Prefect."""
    command = [str(REAL / "bin/python"), "-c", READ, str(ROOT / "handlers/system_blocks.py")]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    blocks = json.loads(printed)
    assert [block_type["slug"] for block_type, _ in blocks] == ["webhook", "secret", "local-file-system"]
    with real_server(SMALL, tmp_path) as api:
        api.post("/block_types/install_system_block_types").raise_for_status()
        for block_type, schema in blocks:
            expected = api.get(f"/block_types/slug/{block_type['slug']}").raise_for_status().json()
            texts = {name: escape(block_type[name], quote=False) for name in ("description", "code_example")}
            assert {**block_type, **texts} == {name: expected[name] for name in block_type}
            body = {"block_schemas": {"block_type_id": {"any_": [expected["id"]]}}}
            known = api.post("/block_schemas/filter", json=body).raise_for_status().json()
            alike = [{name: each[name] for name in schema} for each in known]
            assert all(sorted(each["capabilities"]) == sorted(schema["capabilities"]) for each in alike)
            fields = {name: value for name, value in schema["fields"].items() if name != "definitions"}
            assert fields in [each["fields"] for each in alike]  # definitions of nested blocks are put together
