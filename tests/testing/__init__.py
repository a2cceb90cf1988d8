"""Tests of what other tests use: StandIn, the pytest plugin, the example, the wheel."""
