"""Questions that people ask of profiles, as SQL to start from. They name no run: each finds its own."""

from __future__ import annotations

__all__ = ["EXAMPLES"]

_LATEST = "(select run_id from run order by started_ns desc nulls last limit 1)"

EXAMPLES = {
    "Runs, the latest first": """select run, framework, framework_version, device_model, precision, batch_size, world_size,
    verdict, run_id
from run
order by started_ns desc nulls last""",
    "Top kernels of the latest run": f"""select name, category, sum(calls) as calls,
    sum(total_ns) / 1e6 as total_ms, max(max_ns) / 1e3 as slowest_us
from kernel_summary
where run_id = {_LATEST}
group by all
order by total_ms desc
limit 20""",
    "Top operators of the latest run": f"""select name, category, sum(calls) as calls,
    sum(self_ns) / 1e6 as self_ms, sum(device_ns) / 1e6 as device_ms
from op_summary
where run_id = {_LATEST}
group by all
order by self_ms desc
limit 20""",
    "Categories of two runs, side by side": """-- the two latest runs; any others: where run in ('a', 'b')
with measured as (select distinct run_id from category_breakdown),
    pair as (select run_id from run semi join measured using (run_id) order by started_ns desc nulls last limit 2)
select category, run, sum(dur_ns) / sum(sum(dur_ns)) over (partition by run_id) as share_ratio
from category_breakdown
semi join pair using (run_id)
group by category, run, run_id
order by category, run""",
    "Idle time of the device, by cause": """select run, rank, sum(idle_ns) / 1e6 as idle_ms,
    sum(host_wait_ns) / 1e6 as host_late_ms,
    sum(sync_wait_ns) / 1e6 as host_blocked_ms, sum(input_wait_ns) / 1e6 as data_loading_ms,
    sum(launch_wait_ns) / 1e6 as launching_ms, sum(kernel_wait_ns) / 1e6 as between_kernels_ms
from idle_cause
where is_measured
group by run, run_id, rank
order by idle_ms desc""",
    "Step times: median and tail": """select run, rank, is_profiled, count(*) as steps,
    median(dur_ns) / 1e6 as p50_ms, quantile_cont(dur_ns, 0.95) / 1e6 as p95_ms
from step_time
where not is_warmup
group by run, run_id, rank, is_profiled
order by run, rank, is_profiled""",
    "Stragglers": """select run, slowest_rank, count(*) as steps,
    median(spread_ns) / 1e6 as spread_ms, max(imbalance_ratio) as worst_imbalance_ratio
from straggler
where rank = slowest_rank
group by run, run_id, slowest_rank
order by steps desc""",
    "Communication: what is exposed": """select run, operation, sum(calls) as calls, sum(total_bytes) / 1e9 as total_gb,
    sum(total_ns) / 1e6 as total_ms, sum(exposed_ns) / 1e6 as exposed_ms,
    max(bus_bytes_per_second) / 1e9 as best_bus_gb_per_second
from collective_summary
group by run, run_id, operation
order by exposed_ms desc""",
    "Leading metrics of every run": """select run, run_id,
    max(value) filter (metric = 'step_time') / 1e6 as step_time_ms,
    max(value) filter (metric = 'throughput') as samples_per_second,
    max(value) filter (metric = 'device_busy') as device_busy_ratio,
    max(value) filter (metric = 'peak_memory') / 1024 ** 3 as peak_memory_gib
from run_metric
where rank is null
group by run, run_id
order by run""",
    "What may be wrong with the captures": """select run, severity, code, count, detail, effect
from finding
order by severity, run, code""",
    "The slowest launches of single kernels": f"""select name, category, stream, dur_ns / 1e3 as dur_us, step
from kernel
where run_id = {_LATEST}
order by dur_ns desc
limit 50""",
}
