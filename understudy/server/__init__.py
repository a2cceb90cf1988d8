"""The server: its process, application, logs and reloading."""
