-- One row is one valid telemetry reading, on the clock of the trace. What did the device and the host report beside the trace?
-- Caveat: a driver's utilization is the share of its own sample period (up to a second) with any kernel running: one tiny kernel reads
-- as 100 %. It is never the same figure as device_busy. Energy, traffic and waiting (*.energy, *.io.*, *.throttled.time) are counters since
-- some earlier time: take differences.
CREATE VIEW utilization AS
SELECT sample.run_id, run.run, sample.rank, sample.device_id, sample.at_ns, sample.metric, sample.value, sample.unit, sample.source
FROM sample
JOIN run USING (run_id)
WHERE sample.is_valid;

COMMENT ON VIEW utilization IS 'One valid telemetry reading.';
COMMENT ON COLUMN utilization.run_id IS 'Run of the reading.';
COMMENT ON COLUMN utilization.run IS 'Name of that run.';
COMMENT ON COLUMN utilization.rank IS 'Rank that took it.';
COMMENT ON COLUMN utilization.device_id IS 'Device; -1 is the CPU of the process; NULL the host.';
COMMENT ON COLUMN utilization.at_ns IS 'Time of the reading.';
COMMENT ON COLUMN utilization.metric IS 'Name after OpenTelemetry.';
COMMENT ON COLUMN utilization.value IS 'Value in the unit.';
COMMENT ON COLUMN utilization.unit IS 'Unit after UCUM.';
COMMENT ON COLUMN utilization.source IS 'nvml, amdsmi, libtpu, psutil, framework (its allocator), or fake (a test double, never a measurement).';
