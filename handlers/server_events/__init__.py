"""Events that the server emits itself."""
