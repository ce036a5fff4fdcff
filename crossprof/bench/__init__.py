"""The survey's tables, measured: which cells they need, in which order, and what runs them one after the other.

    request = Request(tables=("training",), size="tiny")
    plan = planned(request, Machine.here())           what will be run, and what can't be and why
    with session_of(store, request) as session:       continued where one of the same request was not finished
        carry_out(plan, session, progress=...)        runs, in the store, with the tags that `crossprof.survey` finds them by

Knows the workloads and the store; only the command `crossprof bench` knows it.
"""
