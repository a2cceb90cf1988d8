"""Values that clients give for parameters, job variables and inputs."""
