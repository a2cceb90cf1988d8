"""`understudy compare`: sends the same requests to two servers, and reports where their responses differ."""
