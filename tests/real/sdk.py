"""Common calls of Prefect's SDK, to the server at `PREFECT_API_URL`.

Runs under the real server's Python; prints the results as JSON.
"""

import asyncio
import json

from prefect.artifacts import Artifact, create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowFilter, FlowFilterName
from prefect.exceptions import PrefectHTTPStatusError


async def session() -> dict[str, object]:
    seen: dict[str, object] = {}
    async with get_client() as client:
        seen["healthy"] = await client.api_healthcheck() is None
        seen["version"] = await client.api_version()
        flow_id = await client.create_flow_from_name("made-by-the-sdk")
        seen["again"] = await client.create_flow_from_name("made-by-the-sdk") == flow_id
        seen["flow"] = (await client.read_flow(flow_id)).name
        seen["by name"] = (await client.read_flow_by_name("made-by-the-sdk")).id == flow_id
        named = FlowFilter(name=FlowFilterName(any_=["made-by-the-sdk"]))
        seen["flows"] = [flow.name for flow in await client.read_flows(flow_filter=named)]
        keyed = ArtifactFilter(key=ArtifactFilterKey(any_=["sdk-table"]))
        seen["artifacts"] = [artifact.type for artifact in await client.read_artifacts(artifact_filter=keyed)]
        await client.delete_flow(flow_id)
        try:
            await client.read_flow(flow_id)
        except PrefectHTTPStatusError as error:
            seen["gone"] = error.response.json()
    return seen


if __name__ == "__main__":
    create_markdown_artifact(markdown="# first", key="sdk-report", description="by the SDK")
    create_markdown_artifact(markdown="# second", key="sdk-report")
    create_table_artifact(table=[{"a": 1, "b": float("nan")}], key="sdk-table")
    create_link_artifact(link="https://example.com", link_text="there", key="sdk-link")
    seen = asyncio.run(session())
    latest = Artifact.get("sdk-report")
    seen["latest"] = latest.data if latest else None
    _, created = Artifact.get_or_create(key="sdk-report")
    seen["created"] = created
    print(json.dumps(seen))  # noqa: T201 - the test reads it
