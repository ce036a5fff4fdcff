-- One row is one sort of dependency that the critical path follows. What may a step wait for, and how is it known from a trace?
-- Of the dependencies of one instant the last to be met is binding; where that left time, the time is a wait of kind `wait`.
-- Which events they join is worked out by store/step_graph.py.
CREATE VIEW dependency AS
SELECT * FROM (VALUES
    ('step_start', 'start of the step', 'start of a thread or of a kernel', 'launch_wait', 'Nothing in the step came before: a kernel was launched earlier (launch_wait), or no launch of it is in the trace (unknown_wait).'),
    ('execution', 'start of work', 'end of work', NULL, 'An operator''s own time, a call and a kernel take as long as they took.'),
    ('program_order', 'an instant of a thread', 'its next instant', 'host_gap', 'A thread does one thing after the other; what lies between operators is kept, as data_loading where a range with such a name is around it.'),
    ('handover', 'end of an outermost operator or call on another thread', 'end of an idle time of a thread', 'thread_wait', 'A thread that did nothing waited for the last work of another thread that began and ended meanwhile. Where no call is in the trace (TPU), for a kernel too: a sync_wait.'),
    ('synchronization', 'end of a kernel or copy', 'end of the call that waited for it', 'sync_wait', 'A call named ...Synchronize waited for the last kernel on each stream that was launched before it and ended during it; a copy that is not asynchronous, or from the device to pageable memory, for itself.'),
    ('launch_queue', 'end of a kernel', 'end of the call that launches the 1,022nd kernel after it on the stream', 'queue_wait', 'A full launch queue: CUDA takes a launch only once so many others are done. Followed where the kernel ended during the call.'),
    ('launch', 'end of the launching call', 'start of the kernel', 'launch_wait', 'By call_id. From the start of the call where the kernel started before the call returned; none where it started before the call.'),
    ('stream_order', 'end of the last kernel on the stream', 'start of the next one', 'stream_wait', 'The last to end before the start: kernels of one stream can overlap.'),
    ('stream_event', 'end of the last kernel on the device', 'start of a kernel on another stream', 'stream_wait', 'Only where the launching thread made a call named ...WaitEvent since it last launched on that stream, and only if it came last. Traces seldom say which event it was.'),
    ('collective', 'start of a collective on each rank', 'its transfer on all of them', NULL, 'Instances are matched by process group, name and number, where clocks are known and the instances overlap. The transfer starts with the last rank; waiting for it is on that rank''s path.')
) AS dependency (id, source, target, wait, rule);

COMMENT ON VIEW dependency IS 'One sort of dependency that the critical path follows.';
COMMENT ON COLUMN dependency.id IS 'Name: the column why of critical_path.';
COMMENT ON COLUMN dependency.source IS 'What must come first.';
COMMENT ON COLUMN dependency.target IS 'What comes after it.';
COMMENT ON COLUMN dependency.wait IS 'Kind of the stretch of critical_path between the two. NULL: none, or work.';
COMMENT ON COLUMN dependency.rule IS 'How it is told from a trace.';
