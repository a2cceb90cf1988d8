"""The flow that makes the report, which `report_bot.py` posts."""

# mypy: ignore-errors

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.variables import Variable


@task(retries=2, retry_delay_seconds=0)
def orders(shop, key):
    """The orders of a shop."""
    get_run_logger().info("fetching the orders of %s", shop)
    return fetch(shop, key)


def fetch(shop, key):
    """What the shop's own API returns; it is down at times."""
    raise ConnectionError(f"{shop} cannot be reached")


@flow
def shop_orders(shop):
    """A flow of its own for each shop, so that one can be run again alone."""
    return orders(shop, Secret.load("shop-key").get())


@flow
def daily_report():
    counts = {shop: len(shop_orders(shop)) for shop in Variable.get("shops")}
    lines = [f"- {shop}: {count} orders" for shop, count in counts.items()]
    create_markdown_artifact("\n".join(lines), key="daily-report", description="Orders")
    return counts
