-- One row is one device of one rank whose model we know: what it can do at most, by its vendor. How far is a run from the device's limits?
-- Figures are dense (no sparsity) and those of one device as the trace numbers them. A model that we don't know has no row: no share of
-- a peak is made up for it.
-- Caveat: vendors state peaks at boost clocks; under a power limit or on a part of a device (MIG) less is in reach.
-- uses: _device_model
CREATE VIEW device_peak AS
WITH model AS (
    SELECT named.model AS name, known.*
    FROM (SELECT DISTINCT model FROM device WHERE model IS NOT NULL) AS named
    JOIN _device_model AS known ON regexp_matches(named.model, known.pattern)
)
SELECT device.run_id, run.run, device.rank, device.device_id, model.model,
    fp64 * 1e12::DOUBLE AS fp64_flops_per_second, fp32 * 1e12::DOUBLE AS fp32_flops_per_second, tf32 * 1e12::DOUBLE AS tf32_flops_per_second,
    bf16 * 1e12::DOUBLE AS bf16_flops_per_second, fp16 * 1e12::DOUBLE AS fp16_flops_per_second, fp8 * 1e12::DOUBLE AS fp8_flops_per_second,
    int8 * 1e12::DOUBLE AS int8_ops_per_second, bandwidth * 1e9::DOUBLE AS memory_bytes_per_second, (memory * 1e9)::BIGINT AS memory_bytes,
    derivation, citation
FROM device
JOIN model ON model.name = device.model
JOIN run USING (run_id);

COMMENT ON VIEW device_peak IS 'What one device of a known model can do at most, by its vendor.';
COMMENT ON COLUMN device_peak.run_id IS 'Run of the device.';
COMMENT ON COLUMN device_peak.run IS 'Name of that run.';
COMMENT ON COLUMN device_peak.rank IS 'Rank that used it.';
COMMENT ON COLUMN device_peak.device_id IS 'Number of the device as the trace names it.';
COMMENT ON COLUMN device_peak.model IS 'Model whose figures these are.';
COMMENT ON COLUMN device_peak.fp64_flops_per_second IS 'Most operations a second in double precision. NULL: the vendor does not say.';
COMMENT ON COLUMN device_peak.fp32_flops_per_second IS 'Most operations a second in single precision, without TF32.';
COMMENT ON COLUMN device_peak.tf32_flops_per_second IS 'Most operations a second on single precision that is rounded to TF32.';
COMMENT ON COLUMN device_peak.bf16_flops_per_second IS 'Most operations a second in bfloat16.';
COMMENT ON COLUMN device_peak.fp16_flops_per_second IS 'Most operations a second in half precision.';
COMMENT ON COLUMN device_peak.fp8_flops_per_second IS 'Most operations a second in eight bits of floating point.';
COMMENT ON COLUMN device_peak.int8_ops_per_second IS 'Most operations a second on integers of eight bits.';
COMMENT ON COLUMN device_peak.memory_bytes_per_second IS 'Most bytes a second to and from its memory.';
COMMENT ON COLUMN device_peak.memory_bytes IS 'Size of its memory, as the vendor rounds it.';
COMMENT ON COLUMN device_peak.derivation IS 'How the figures follow from the cited ones. NULL: they are as cited.';
COMMENT ON COLUMN device_peak.citation IS 'Document of the vendor that states them.';
