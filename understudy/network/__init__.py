"""Client networking: proxies, certificates, addresses."""
