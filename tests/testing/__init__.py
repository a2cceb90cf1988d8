"""Tests of the package's test tools: StandIn, the pytest plugin, the example, the wheel."""
