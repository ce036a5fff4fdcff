-- One row is one stretch of the critical path of one step of one rank. What did the step wait for, one thing after the other?
-- The rows of a step tile it, from its start to its end, to the nanosecond. From the end of the step backwards, each instant is traced
-- to the last thing that it had to wait for (`why`: a row of the view dependency says how it is known). A stretch is work (of the host,
-- of a device) or a wait, and gain_ns says how much shorter the step would have been without it, all else the same.
-- The rows are computed once, when a run is published: the measured steps nearest to the run's median step time have a path, as many as
-- hold 10,000 operators and kernels a rank, and at least one. A rank without measured steps has one path (step NULL) over all its events,
-- if these are no more. No path: steps of over 200,000 operators and kernels in all ranks, or of over 500 seconds.
-- Caveats: a step ends on the host, so work of a device that nothing on the host waits for is not on its path. Intra-op threads and locks
-- are in no trace. Collectives join ranks where clock_offset_ns is known.
CREATE SCHEMA IF NOT EXISTS rollup;
CREATE TABLE IF NOT EXISTS rollup.critical_path (
    run_id VARCHAR, rank INTEGER, step BIGINT, segment INTEGER, start_ns BIGINT, dur_ns BIGINT, kind VARCHAR, name VARCHAR, category VARCHAR,
    why VARCHAR, gain_ns BIGINT, on_rank INTEGER, thread VARCHAR, device_id BIGINT, stream VARCHAR, op_id BIGINT, call_id BIGINT, kernel_id BIGINT
);
CREATE VIEW critical_path AS
SELECT held.run_id, run.run, held.rank, held.step, held.segment, held.start_ns, held.dur_ns, held.kind, held.name, held.category, held.why,
    held.gain_ns, held.on_rank, held.thread, held.device_id, held.stream, held.op_id, held.call_id, held.kernel_id
FROM rollup.critical_path AS held
JOIN run USING (run_id);

COMMENT ON VIEW critical_path IS 'One stretch of the critical path of one step: what the step waited for at that time.';
COMMENT ON COLUMN critical_path.run_id IS 'Run of the step.';
COMMENT ON COLUMN critical_path.run IS 'Name of that run.';
COMMENT ON COLUMN critical_path.rank IS 'Rank of the step.';
COMMENT ON COLUMN critical_path.step IS 'Number of the step. NULL: all events of a rank without measured steps.';
COMMENT ON COLUMN critical_path.segment IS 'Number of the stretch, from 0, in time.';
COMMENT ON COLUMN critical_path.start_ns IS 'Start, on the clock of the step''s rank.';
COMMENT ON COLUMN critical_path.dur_ns IS 'Duration. All stretches of a step add up to it.';
COMMENT ON COLUMN critical_path.kind IS 'kernel, collective, memcpy, memset; host (an operator''s own time), call, data_loading, host_gap (between operators); sync_wait, queue_wait, thread_wait, launch_wait, stream_wait, unknown_wait.';
COMMENT ON COLUMN critical_path.name IS 'Name of the event: of the operator, call or kernel; of the call that waited, of the kernel that was waited with, of the range around a gap.';
COMMENT ON COLUMN critical_path.category IS 'Sort of work of that operator or kernel.';
COMMENT ON COLUMN critical_path.why IS 'Dependency that led from this stretch to the next: execution, program_order, handover, synchronization, launch_queue, launch, stream_order, stream_event, step_start.';
COMMENT ON COLUMN critical_path.gain_ns IS 'How much shorter the step would be without it. 0: another path is as long. Less than dur_ns: then another path takes over. Gains of several stretches do not add up. NULL where over 32 ranks are joined.';
COMMENT ON COLUMN critical_path.on_rank IS 'Rank that it was on: another one where a collective waited for it.';
COMMENT ON COLUMN critical_path.thread IS 'Thread of work or a wait of the host.';
COMMENT ON COLUMN critical_path.device_id IS 'Device of the kernel.';
COMMENT ON COLUMN critical_path.stream IS 'Stream of the kernel.';
COMMENT ON COLUMN critical_path.op_id IS 'Operator whose own time it is.';
COMMENT ON COLUMN critical_path.call_id IS 'Call that it is, or that waited.';
COMMENT ON COLUMN critical_path.kernel_id IS 'Kernel that it is, or that was waited with.';
