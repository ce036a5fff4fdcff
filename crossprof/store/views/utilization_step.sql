-- One row is one valid telemetry reading during a step. What did the device and the host report in each step, in runs of other speed?
-- A reading belongs to the step of its rank whose host window holds it; what was read between steps, before and after them is in no row.
-- Caveat: as for utilization; telemetry reads a few times a second, so a short step may have no row.
-- uses: utilization, step_time
CREATE VIEW utilization_step AS
SELECT reading.run_id, reading.run, reading.rank, device_id, metric, step_time.step,
    (at_ns - start_ns) / dur_ns AS step_ratio, reading.value, reading.unit, reading.source
FROM utilization AS reading
ASOF JOIN step_time ON step_time.run_id = reading.run_id AND step_time.rank = reading.rank AND start_ns <= at_ns
WHERE at_ns < start_ns + dur_ns;

COMMENT ON VIEW utilization_step IS 'One valid telemetry reading during a step.';
COMMENT ON COLUMN utilization_step.run_id IS 'Run of the reading.';
COMMENT ON COLUMN utilization_step.run IS 'Name of that run.';
COMMENT ON COLUMN utilization_step.rank IS 'Rank that took it.';
COMMENT ON COLUMN utilization_step.device_id IS 'Device; -1 is the CPU of the process; NULL the host.';
COMMENT ON COLUMN utilization_step.metric IS 'Name after OpenTelemetry.';
COMMENT ON COLUMN utilization_step.step IS 'Step whose host window holds the reading.';
COMMENT ON COLUMN utilization_step.step_ratio IS 'Share of that step that had passed.';
COMMENT ON COLUMN utilization_step.value IS 'Value in the unit.';
COMMENT ON COLUMN utilization_step.unit IS 'Unit after UCUM.';
COMMENT ON COLUMN utilization_step.source IS 'nvml, psutil, framework, or fake (a test double, never a measurement).';
