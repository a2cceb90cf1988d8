"""`python -m understudy`."""

from understudy.cli import run

if __name__ == "__main__":
    run()
