"""`python -m crossprof`: the command line, and what a training process starts to ingest its own recording."""

from crossprof.cli import run

if __name__ == "__main__":
    run()
