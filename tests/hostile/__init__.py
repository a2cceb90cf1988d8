"""Hostile input: a module for each kind, a row for each input. `test_battery` checks what each must not cause."""
