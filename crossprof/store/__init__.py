"""The store: what was recorded, on disk, and the answers over it."""

from crossprof.store.layout import Layout
from crossprof.store.lifecycle import delete, gc, reindex
from crossprof.store.part_writer import write_part
from crossprof.store.parts import part_exists
from crossprof.store.publish import Published, prepare, publish
from crossprof.store.store import Store

__all__ = ["Layout", "Published", "Store", "delete", "gc", "part_exists", "prepare", "publish", "reindex", "write_part"]
