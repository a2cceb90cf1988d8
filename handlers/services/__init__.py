"""What a Prefect server does by itself, a module each.

`due` returns when there is something to do next, as long as no row changes, and `run` does what is due at the present
time. A real server looks every few seconds; here it is done at the first moment at which a real server could.
"""
