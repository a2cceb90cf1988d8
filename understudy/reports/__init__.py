"""Reports of a verification: for a terminal, as JSON, JUnit XML and HTML."""
