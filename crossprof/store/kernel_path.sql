-- What led to the kernels of each process, one rank of one run. Statements are separated by a line of three dashes.
CREATE OR REPLACE TEMP TABLE path_process AS
SELECT row_number() OVER (ORDER BY run_id, rank) - 1 AS process, run_id, rank
FROM (SELECT DISTINCT run_id, rank FROM kernel WHERE op_id IS NOT NULL);
---
SELECT process, op_id, coalesce(parent_id, -1) AS parent_id, (hash(name) >> 1)::BIGINT AS code FROM op JOIN path_process USING (run_id, rank);
---
SELECT process, op_id FROM kernel JOIN path_process USING (run_id, rank) WHERE op_id IS NOT NULL;
---
CREATE OR REPLACE TEMP TABLE path_sum AS
WITH coded AS (
    SELECT run_id, rank, op_id, code FROM path_code JOIN path_process USING (process)
)
SELECT kernel.run_id, kernel.rank, kernel.name, kernel.kind, category, call.name AS call_name, code, op_name, module,
    any_value(kernel.op_id) AS op_id, count(*) AS calls, sum(kernel.dur_ns)::BIGINT AS total_ns
FROM kernel
LEFT JOIN runtime_call AS call ON call.run_id = kernel.run_id AND call.rank = kernel.rank AND call.call_id = kernel.call_id
LEFT JOIN coded ON coded.run_id = kernel.run_id AND coded.rank = kernel.rank AND coded.op_id = kernel.op_id
GROUP BY ALL;
---
SELECT DISTINCT process, op_id FROM path_sum JOIN path_process USING (run_id, rank) WHERE code IS NOT NULL ORDER BY ALL;
---
SELECT process, op_id, name
FROM op
JOIN path_process USING (run_id, rank)
JOIN (SELECT unnest($process::BIGINT[]) AS process, unnest($op_id::BIGINT[]) AS op_id) AS wanted USING (process, op_id);
---
INSERT INTO rollup._kernel_path BY NAME
WITH spelled AS (
    SELECT run_id, rank, op_id, ops
    FROM (SELECT unnest($process::BIGINT[]) AS process, unnest($op_id::BIGINT[]) AS op_id, unnest($ops::VARCHAR[][]) AS ops)
    JOIN path_process USING (process)
)
SELECT run_id, rank, name, kind, category, call_name, coalesce(ops, if(op_name IS NULL, [], [op_name])) AS ops, module,
    sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns
FROM path_sum
LEFT JOIN spelled USING (run_id, rank, op_id)
GROUP BY ALL;
