import json
from collections.abc import Sequence

import duckdb
import numpy as np
import pytest
import tiny

from crossprof.errors import CrossprofError, RunNotFound
from crossprof.store.compare import compare, pairs
from crossprof.store.composition import CategoryDifference
from crossprof.store.step_unit import known_units

SCRIPT_KEYS = ["metric", "unit", "base", "other", "n_base", "n_other", "ratio", "ci_low", "ci_high", "verdict"]


def insert(connection: duckdb.DuckDBPyConnection, table: str, **fields: object) -> None:
    marks = ", ".join("?" for _ in fields)
    connection.execute(f"INSERT INTO base.{table} ({', '.join(fields)}) VALUES ({marks})", list(fields.values()))


class Runs:
    """Made-up runs for comparisons: thirty bare steps, five measured ones with two operators and, on a GPU, one kernel each."""

    def __init__(self) -> None:
        self.connection = tiny.to_roll_up()
        self._random = np.random.default_rng(17)

    def add(
        self, run_id: str, *, speed: float = 1.0, gemm: float = 1.0, bare: int = 30, noise: float = 0.01, **facts: object
    ) -> None:
        known = {"run": run_id, "model": "mlp", "precision": "float32", "batch_size": 8, "phase": "training", "world_size": 1}
        known |= {"framework": "torch", "device_kind": "cpu", "device_model": "EPYC"} | facts
        insert(self.connection, "run", run_id=run_id, **known)
        insert(self.connection, "rank", run_id=run_id, rank=0)
        at = 0
        for step in range(bare + 5):
            is_profiled = step >= bare
            spread = 1 + noise * self._random.standard_normal()
            which = {"run_id": run_id, "rank": 0, "step": step, "start_ns": at}
            dur_ns = int(1e6 / speed * (1.2 if is_profiled else 1) * spread)
            capture = 0 if is_profiled else None
            insert(
                self.connection,
                "step",
                **which,
                dur_ns=dur_ns,
                is_profiled=is_profiled,
                is_warmup=False,
                capture=capture,
                samples=8,
            )
            if is_profiled:
                self._operators(which, gemm / speed, is_torch=known["framework"] == "torch")
            if is_profiled and known["device_kind"] == "gpu":
                insert(
                    self.connection,
                    "kernel",
                    **which,
                    device_id=0,
                    kernel_id=step,
                    name="sgemm",
                    kind="kernel",
                    category="gemm",
                    dur_ns=int(500_000 * gemm / speed),
                )
            at += dur_ns

    def _operators(self, which: dict[str, object], gemm: float, *, is_torch: bool) -> None:
        works = (
            ("aten::mm" if is_torch else "MatMul", "gemm", 600_000 * gemm),
            ("aten::relu" if is_torch else "Relu", "elementwise", 1e5),
        )
        for op_id, (name, category, share) in enumerate(works):
            ns = int(share)
            insert(self.connection, "op", **which, op_id=op_id, name=name, category=category, dur_ns=ns, self_ns=ns)

    def ready(self) -> duckdb.DuckDBPyConnection:
        tiny.roll_up(self.connection)
        return self.connection


def test_a_faster_run_is_better_and_says_where() -> None:
    runs = Runs()
    runs.add("slow", framework="tensorflow")
    runs.add("fast", speed=1.25, gemm=0.5)
    found = compare(runs.ready(), ["slow"], [["fast"]]).others[0]
    assert found.alike
    assert found.differences == ("framework: tensorflow vs torch",)
    step_time, throughput = found.metric("step_time"), found.metric("throughput")
    assert step_time is not None
    assert throughput is not None
    assert step_time.verdict == throughput.verdict == "better"
    assert (step_time.n_base, step_time.n_other) == (30, 30)
    assert step_time.ratio == pytest.approx(0.8, rel=0.02)
    assert step_time.ci_low is not None
    assert step_time.ci_high is not None
    assert step_time.ci_low < 0.8 < step_time.ci_high
    assert found.verdict.startswith("fast is faster than slow by a factor of 1.2")
    assert found.why.startswith("Largest difference: gemm on the host, 360 µs less a profiled step in fast")
    assert [one.category for one in found.categories] == ["gemm", "outside_ops", "elementwise"]
    assert {(one.name, one.found) for one in found.operations} == {
        ("aten::mm", "only in other"),
        ("aten::relu", "only in other"),
        ("MatMul", "only in base"),
        ("Relu", "only in base"),
    }


def test_the_same_speed_is_indistinguishable() -> None:
    runs = Runs()
    runs.add("a", noise=0.05)
    runs.add("b", noise=0.05)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    assert [one.verdict for one in found.metrics if one.metric in {"step_time", "throughput"}] == ["indistinguishable"] * 2
    assert "b and a are indistinguishable" in found.verdict
    assert found.why.startswith("No sure difference to explain; the largest between categories is")


def test_the_cause_goes_the_way_of_the_difference() -> None:
    runs = Runs()
    runs.add("a", noise=0.0)
    runs.add("b", noise=0.0, speed=0.8, gemm=0.4)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    assert found.categories[0].category == "outside_ops"
    assert found.why == "Largest difference: host time outside operators, 600 µs more a profiled step in b than in a."


def test_a_cause_that_the_profiled_steps_do_not_show_is_doubted() -> None:
    runs = Runs()
    runs.add("a", noise=0.2)
    runs.add("b", noise=0.2, speed=0.7, bare=300)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    profiled = found.metric("step_time_profiled")
    assert profiled is not None
    assert profiled.verdict == "indistinguishable"
    assert found.why.endswith("The profiled steps alone show no sure difference.")


def test_a_coverage_has_no_good_direction() -> None:
    runs = Runs()
    runs.add("a")
    runs.add("b", gemm=0.5)
    coverage = compare(runs.ready(), ["a"], [["b"]]).others[0].metric("op_coverage")
    assert coverage is not None
    assert coverage.verdict == "different"


def test_few_steps_have_a_ratio_but_no_interval() -> None:
    runs = Runs()
    runs.add("a", bare=4)
    runs.add("b", bare=30)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    step_time = found.metric("step_time")
    assert step_time is not None
    assert (step_time.verdict, step_time.ci_low, step_time.ci_high) == ("too_few", None, None)
    assert step_time.ratio == pytest.approx(1, rel=0.05)
    assert found.verdict.startswith("Too few samples to tell b from a")


def test_what_is_not_alike_is_named() -> None:
    runs = Runs()
    runs.add("a")
    runs.add("b", precision="bf16", bare=0, model=None)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    assert not found.alike
    assert found.differences == ("model: mlp vs unknown", "precision: float32 vs bf16", "timed_steps: bare vs profiled")
    assert found.verdict.endswith(
        "They are not alike: model: mlp vs unknown; precision: float32 vs bf16; timed_steps: bare vs profiled."
    )


def test_device_figures_of_a_cpu_and_a_gpu_run_are_not_compared() -> None:
    runs = Runs()
    runs.add("cpu")
    runs.add("gpu", device_kind="gpu", device_model="H100", speed=2)
    found = compare(runs.ready(), ["cpu"], [["gpu"]]).others[0]
    verdicts = {one.metric: one.verdict for one in found.metrics}
    assert verdicts["step_time"] == "better"
    for metric in ("kernel_time", "device_busy", "op_time"):
        assert verdicts[metric] == "not_comparable"
    operators = found.metric("op_time")
    assert operators is not None
    assert operators.base is not None
    assert operators.ratio is None
    assert found.categories == found.operations == ()
    assert found.why == ""


def test_gpu_runs_are_compared_by_their_device_work() -> None:
    runs = Runs()
    for name, speed in (("a", 1.0), ("b", 2.0)):
        runs.add(name, device_kind="gpu", device_model="H100", speed=speed)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    kernel = found.operations[0]
    assert (kernel.place, kernel.name, kernel.base_calls, kernel.delta_ns) == ("device", "sgemm", 1.0, -250_000)
    assert {one.category for one in found.categories} == {"gemm", "idle_unknown"}


def test_repeats_are_pooled() -> None:
    runs = Runs()
    for name, speed in (("a1", 1.0), ("a2", 1.1), ("a3", 0.9), ("b1", 1.05), ("b2", 0.95)):
        runs.add(name, run=name[0], speed=speed)
    connection = runs.ready()
    found = compare(connection, ["a1", "a2", "a3"], [["b1", "b2"], ["a2"]])
    assert found.base == "a@all"
    assert [one.run for one in found.others] == ["b@all", "a"]
    pooled, single = found.others[0].metric("step_time"), found.others[1].metric("step_time")
    assert pooled is not None
    assert single is not None
    assert (pooled.n_base, pooled.n_other) == (90, 60)
    assert pooled.verdict == "indistinguishable"
    alone = compare(connection, ["a1"], [["b1"]]).others[0].metric("step_time")
    assert alone is not None
    assert alone.verdict == "better"  # within one run each the steps agree; only repeats show that runs do not


def test_the_same_capture_is_recognised() -> None:
    runs = Runs()
    runs.add("a")
    runs.add("b")
    for name in ("a", "b"):
        artifact = {"path": "t.json", "format": "kineto", "sha256": "cafe", "bytes": 1, "storage": "referenced"}
        insert(runs.connection, "artifact", run_id=name, rank=0, **artifact)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    assert found.is_same_capture
    assert found.alike
    assert found.differences == ("capture: the same in both",)
    assert found.verdict.startswith("Both runs hold the same capture.")


def test_a_capture_packed_in_another_way_is_the_same() -> None:
    runs = Runs()
    runs.add("a", started_ns=17, ended_ns=42)
    runs.add("b", started_ns=17, ended_ns=42)
    runs.add("c", started_ns=17, ended_ns=43)
    same, another = compare(runs.ready(), ["a"], [["b"], ["c"]]).others
    assert (same.is_same_capture, another.is_same_capture) == (True, False)


def test_software_and_settings_that_differ_are_named_and_leave_the_jobs_alike() -> None:
    runs = Runs()
    runs.add("a", framework_version="2.12", versions={"cudnn": "9.1", "category_rules": "x"}, config='{"width": 128}')
    runs.add("b", framework_version="2.13", versions={"cudnn": "9.5", "category_rules": "y"}, config='{"width": 256}')
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    assert found.alike
    assert found.differences == ("framework_version: 2.12 vs 2.13", "versions: cudnn 9.1 vs 9.5", "config: width 128 vs 256")


def test_another_number_of_parameters_is_another_model() -> None:
    runs = Runs()
    runs.add("a", config='{"parameters": 7000000000}')
    runs.add("b", config='{"parameters": 8000000000}')
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    assert (found.alike, found.differences) == (False, ("parameters: 7000000000 vs 8000000000",))


def test_indistinguishable_says_what_would_have_been_found() -> None:
    runs = Runs()
    runs.add("a", noise=0.05)
    runs.add("b", noise=0.05)
    step_time = compare(runs.ready(), ["a"], [["b"]]).others[0].metric("step_time")
    assert step_time is not None
    assert step_time.verdict == "indistinguishable"
    assert step_time.minimum_detectable == pytest.approx(0.05, rel=0.5)
    assert step_time.p_value is not None
    assert step_time.p_value > 0.05


@pytest.mark.parametrize("device_kind", ["cpu", "gpu"])
def test_the_waterfall_adds_up_to_the_difference_of_the_step_times(device_kind: str) -> None:
    runs = Runs()
    runs.add("a", device_kind=device_kind)
    runs.add("b", device_kind=device_kind, speed=0.8, gemm=1.3)
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    step_time = found.metric("step_time")
    assert step_time is not None
    assert sum(one.base_ns for one in found.waterfall) == pytest.approx(step_time.base)
    assert sum(one.other_ns for one in found.waterfall) == pytest.approx(step_time.other)
    assert found.waterfall[:-1] == found.categories
    assert found.waterfall[-1].category == "unprofiled"
    gemm = next(one for one in found.waterfall if one.category == "gemm")
    assert gemm.ci_low_ns is not None
    assert gemm.ci_high_ns is not None
    assert gemm.is_sure
    assert gemm.ci_low_ns <= gemm.delta_ns <= gemm.ci_high_ns


def test_a_comparison_is_told_per_sample_where_the_runs_say_how_many() -> None:
    runs = Runs()
    runs.add("a")
    runs.add("b", gemm=1.3)
    runs.add("silent")
    runs.connection.execute("UPDATE base.step SET samples = 16 WHERE run_id = 'b'")
    runs.connection.execute("UPDATE base.step SET samples = NULL WHERE run_id = 'silent'")
    source = runs.ready()
    step, sample = (compare(source, ["a"], [["b"]], per=per).others[0] for per in ("step", "sample"))
    assert sample.waterfall[0].base_ns == pytest.approx(_part(step.waterfall, sample.waterfall[0].category).base_ns / 8)
    gemm, per_sample = (_part(one.waterfall, "gemm") for one in (step, sample))
    assert per_sample.other_ns == pytest.approx(gemm.other_ns / 16)
    assert gemm.delta_ns > 0 > per_sample.delta_ns
    assert per_sample.is_sure
    assert sample.operations[0].other_ns == pytest.approx(step.operations[0].other_ns / 16)  # type: ignore[operator]
    assert (sample.verdict, sample.why, sample.metrics) == (step.verdict, step.why, step.metrics)
    assert (known_units(source, ["a", "b"]), known_units(source, ["a", "silent"])) == (["step", "sample"], ["step"])
    with pytest.raises(CrossprofError, match="silent does not say how many samples"):
        compare(source, ["a"], [["silent"]], per="sample")


def _part(parts: Sequence[CategoryDifference], category: str) -> CategoryDifference:
    return next(one for one in parts if one.category == category)


def test_why_the_work_of_two_runs_stays_apart_is_said() -> None:
    runs = Runs()
    for name, device_kind in (("cpu", "cpu"), ("gpu", "gpu"), ("gpu2", "gpu")):
        runs.add(name, device_kind=device_kind)
    insert(runs.connection, "run", run_id="none", run="none")
    other, alike, none = compare(runs.ready(), ["gpu"], [["cpu"], ["gpu2"], ["none"]]).others
    assert other.apart.startswith("the steps of gpu are known by the time of its device, those of cpu by operators on the host")
    assert (alike.apart, none.apart.partition(":")[0]) == ("", "none has no work in a measured step")


def test_work_is_set_side_by_side_at_the_finest_level_that_both_share() -> None:
    runs = Runs()
    for name, kernel in (
        ("nvidia", "ampere_sgemm_128x64_tn"),
        ("wider", "volta_sgemm_128x128_nn"),
        ("amd", "Cijk_Alik_Bljk_SB"),
    ):
        runs.add(name, device_kind="gpu", device_model="H100")
        runs.connection.execute("UPDATE base.kernel SET name = ?, op_id = 0 WHERE run_id = ?", [kernel, name])
        runs.connection.execute(
            "UPDATE base.op SET device_ns = 500000, shapes = '[[8,8],[]]' WHERE op_id = 0 AND run_id = ?", [name]
        )
    wider, amd = compare(runs.ready(), ["nvidia"], [["wider"], ["amd"]]).others
    shared = [{level.name: level.matched_ratio for level in other.levels} for other in (wider, amd)]
    assert shared[0] == {"name": 0.0, "operator and shape": 1.0, "operator": 1.0, "family": 1.0}
    assert shared[1] == {"name": 0.0, "operator and shape": 1.0, "operator": 1.0, "family": 0.0}
    assert amd.level is not None
    assert (amd.level.name, [one.name for one in amd.operations]) == ("operator and shape", ["aten::mm [[8,8]]"])
    names = next(level for level in amd.levels if level.name == "name")
    assert {one.found for one in names.operations} == {"only in base", "only in other"}


def test_the_card_is_the_same_whatever_is_asked_for() -> None:
    runs = Runs()
    runs.add("a")
    runs.add("b", speed=1.25)
    connection = runs.ready()
    cards = [
        (found.verdict, found.why, found.next_step)
        for asked in (None, ["op_time"], ["throughput"], ["step_time_p95", "step_time"])
        for found in compare(connection, ["a"], [["b"]], metrics=asked).others
    ]
    assert cards == [cards[0]] * 4


def test_figures_of_one_framework_need_one_kind_of_device() -> None:
    runs = Runs()
    runs.add("cpu")
    runs.add("gpu", device_kind="gpu", device_model="H100")
    coverage = compare(runs.ready(), ["cpu"], [["gpu"]]).others[0].metric("op_coverage")
    assert coverage is not None
    assert coverage.verdict == "not_comparable"


def test_the_level_may_be_chosen() -> None:
    runs = Runs()
    for name in ("a", "b"):
        runs.add(name, device_kind="gpu", device_model="H100")
        runs.add(f"{name}-cpu")
    connection = runs.ready()
    (found,) = compare(connection, ["a"], [["b"]], by="family").others
    assert found.level is not None
    assert found.level.name == "family"
    with pytest.raises(CrossprofError, match="The work of these runs has no family, for it ran on the host"):
        compare(connection, ["a-cpu"], [["b-cpu"]], by="family")


def test_kernels_without_an_operator_are_no_match() -> None:
    runs = Runs()
    for name in ("a", "b"):
        runs.add(name, device_kind="gpu", device_model="H100")
    found = compare(runs.ready(), ["a"], [["b"]]).others[0]
    shared = {level.name: level.matched_ratio for level in found.levels}
    assert shared == {"name": 1.0, "operator and shape": 0.0, "operator": 0.0, "family": 1.0}


def test_runs_of_one_name_are_told_apart_by_id() -> None:
    runs = Runs()
    runs.add("id-1", run="mlp")
    runs.add("id-2", run="mlp")
    found = compare(runs.ready(), ["id-1"], [["id-2"]])
    assert (found.base, found.others[0].run) == ("mlp (id-1)", "mlp (id-2)")


def test_json_has_the_shape_that_scripts_rely_on(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    document = json.loads(json.dumps(compare(tiny_runs, ["run-gpu"], [["run-cpu"]]).to_json(), allow_nan=False))
    assert list(document) == ["base", "others"]
    assert document["base"] == "tiny-gpu"
    (other,) = document["others"]
    assert list(other)[:4] == ["run", "alike", "differences", "metrics"]
    assert all(list(metric)[: len(SCRIPT_KEYS)] == SCRIPT_KEYS for metric in other["metrics"])


def test_the_metrics_asked_for_come_in_that_order(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    found = compare(tiny_runs, ["run-gpu"], [["run-cpu"]], metrics=["op_time", "step_time"]).others[0]
    assert [one.metric for one in found.metrics] == ["op_time", "step_time"]


def test_a_run_of_nothing_can_be_compared(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    found = compare(tiny_runs, ["run-empty"], [["run-cpu"]]).others[0]
    assert {one.verdict for one in found.metrics} == {"not_comparable"}
    assert found.verdict.startswith("tiny-cpu and tiny-empty share no figure of speed.")
    json.dumps(found.to_json(), allow_nan=False)


def test_unknown_names_are_said_so(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(CrossprofError, match="No metric is named 'speed'"):
        compare(tiny_runs, ["run-gpu"], [["run-cpu"]], metrics=["speed"])
    with pytest.raises(RunNotFound, match="nowhere"):
        compare(tiny_runs, ["run-gpu"], [["nowhere"]])


def test_steps_of_a_host_that_ran_ahead_are_not_compared() -> None:
    runs = Runs()
    runs.add("base")
    runs.add("other", speed=100.0, framework="jax")
    insert(runs.connection, "finding", run_id="other", code="host_ran_ahead", severity="error", count=1, detail="it did")
    (other,) = compare(runs.ready(), ["base"], [["other"]]).others
    step_time = other.metric("step_time")
    assert step_time is not None
    assert (step_time.verdict, step_time.ratio) == ("not_comparable", None)
    assert "faster" not in other.verdict
    assert any("host_ran_ahead" in difference for difference in other.differences)
    assert "crossprof doctor other" in other.next_step


def test_what_to_do_next_is_the_first_obstacle_to_a_sure_answer() -> None:
    runs = Runs()
    runs.add("base")
    runs.add("faster", speed=1.5)
    runs.add("equal")
    runs.add("other_batch", speed=1.5, batch_size=16)
    compared = compare(runs.ready(), ["base"], [["faster"], ["equal"], ["other_batch"]]).others
    faster, equal, other_batch = (one.next_step for one in compared)
    assert faster.startswith('crossprof sql "from op_summary')
    assert "equal@all" in equal
    assert "batch size" in other_batch


def test_pairs_are_what_a_comparison_says_of_each_without_its_work() -> None:
    runs = Runs()
    for name, speed in (("a", 1.0), ("b", 1.3), ("c", 0.8)):
        runs.add(name, speed=speed)
    with runs.ready() as connection:
        compared = pairs(connection, [("a",), ("b",), ("c",)], metrics=["throughput"])
        for base, other in (("a", "b"), ("c", "b")):
            whole = compare(connection, [base], [[other]], metrics=["throughput"])
            found = compared((base,), (other,))
            assert found.to_json() == {**whole.to_json(), "others": [{**whole.others[0].to_json(), "matched": {}}]}
            assert found.others[0].why == whole.others[0].why != ""
        with pytest.raises(CrossprofError, match="No metric is named 'speed'"):
            pairs(connection, [("a",)], metrics=["speed"])
