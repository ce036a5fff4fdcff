"""`python -m crossprof`: the command line, and what a training process starts to ingest its own recording."""

import sys

from crossprof.cli import main

if __name__ == "__main__":
    sys.exit(main())
