"""The survey's tables, measured: which cells they need, in which order, and what runs them one after the other.

    request = Request(tables=("training",), size="tiny")
    plan = planned(request, Machine.here())           what will be run, and what can't be and why
    session = session_of(store, request)              continued where one of the same request was not finished
    Runner(plan, session, ...).carry_out()            runs, in the store, with the tags that `crossprof.survey` finds them by

Knows the workloads and the store; only the command `crossprof bench` knows it.
"""
