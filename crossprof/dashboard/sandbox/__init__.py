"""SQL of a stranger, answered by a process that can do nothing else and is thrown away.

    pool.py       the server's side: spare processes, the deadline, what comes back
    child.py      the process: gives up its rights, opens the catalog read only, answers one query
    landlock.py   what the kernel takes from it
    statement.py  which statements may run
    answer.py     the rows as text or as a file

Each layer holds where the others fail. Only pool.py is imported by the server: nothing here loads DuckDB before Landlock.
"""
