-- What the time of devices is summed up from. Statements are separated by a line of three dashes. A process is one rank of one run.
CREATE OR REPLACE TEMP TABLE sweep_window AS
SELECT dense_rank() OVER (ORDER BY run_id, rank) - 1 AS process, run_id, rank, since_ns, until_ns FROM _capture;
CREATE OR REPLACE TEMP TABLE sweep_process AS SELECT DISTINCT process, run_id, rank FROM sweep_window;
---
SELECT process, since_ns, until_ns FROM sweep_window ORDER BY process, since_ns;
---
SELECT process, step, coalesce(capture, -1)::BIGINT AS capture, start_ns, end_ns, is_warmup::UTINYINT AS is_warmup
FROM _profiled_step
JOIN sweep_process USING (run_id, rank)
ORDER BY process, start_ns, end_ns;
---
-- The number without a like stands for what the trace does not say.
SELECT process::INTEGER AS process, device_id, start_ns, start_ns + dur_ns AS end_ns, coalesce(launch_ns, -9223372036854775807) AS launch_ns,
    coalesce(step, -9223372036854775807) AS step,
    CASE kind WHEN 'kernel' THEN 0 WHEN 'collective' THEN 1 WHEN 'memcpy' THEN 2 WHEN 'memset' THEN 2 ELSE 3 END::TINYINT AS kind
FROM kernel
JOIN sweep_process USING (run_id, rank)
WHERE kind <> 'async';
---
SELECT process, start_ns, end_ns, sync, input FROM _host_wait JOIN sweep_process USING (run_id, rank) ORDER BY process;
---
INSERT INTO rollup._device_time BY NAME
SELECT run_id, rank, swept.* EXCLUDE (process, is_step) REPLACE (if(is_step = 1, step, NULL) AS step, is_measured = 1 AS is_measured)
FROM swept
JOIN sweep_process USING (process);
---
INSERT INTO rollup.idle_cause BY NAME
SELECT run_id, rank, swept.* EXCLUDE (process, is_step)
    REPLACE (if(is_step = 1, step, NULL) AS step, is_measured = 1 AS is_measured, is_launched = 1 AS is_launched)
FROM swept
JOIN sweep_process USING (process);
