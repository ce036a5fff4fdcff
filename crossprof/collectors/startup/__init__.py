"""The directory that `crossprof record` puts on PYTHONPATH: Python runs its sitecustomize before the script."""
