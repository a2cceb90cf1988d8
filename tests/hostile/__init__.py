"""What nobody should send, sent: a module a kind, a row an input. `test_battery` says what is held of each."""
