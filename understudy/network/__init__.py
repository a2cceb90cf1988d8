"""How a client reaches a server: proxies, certificates, addresses."""
