"""The survey "PyTorch vs TensorFlow", its figures beside what was measured here.

Reads the store alone: the runs that `crossprof bench` left there, found by their tags, and compared as any runs are.
"""
