"""Operations, peaks, memory by phase: against torch's own counter, hand-computed figures, and real captures."""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from crossprof.ingest import ingest
from crossprof.store import Store


def insert_ops(connection: duckdb.DuckDBPyConnection, rows: list[tuple[object, ...]], precision: str | None = None) -> None:
    """Ops of one run: (op_id, parent, name, start, duration, device time, shapes, dtype, flops)."""
    connection.execute("INSERT INTO base.run (run_id, run, precision) VALUES ('r', 'work', ?)", [precision])
    connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0)")
    connection.execute(
        "INSERT INTO base.device (run_id, rank, device_id, kind, model) VALUES ('r', 0, 0, 'gpu', 'NVIDIA A100-SXM4-80GB')"
    )
    connection.executemany(
        """
        INSERT INTO base.op
            (run_id, rank, op_id, parent_id, depth, name, category, start_ns, dur_ns, self_ns, device_ns, shapes, dtypes, flops)
        SELECT 'r', 0, $1, $2, if($2 IS NULL, 0, 1), $3, 'gemm', $4, $5, $5, $6, $7, $8, $9
        """,
        [(*row[:6], json.dumps(row[6]), json.dumps([row[7]] * 3), row[8]) for row in rows],
    )


def counted(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int | None, int | None]]:
    rows = connection.sql("SELECT name, flops, bytes_accessed, device_ns FROM op_flops").fetchall()
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("name", "shapes", "flops", "elements"),
    [
        ("aten::mm", [[2, 3], [3, 4]], 2 * 2 * 3 * 4, 6 + 12 + 8),
        ("aten::addmm", [[4], [2, 3], [3, 4]], 2 * 2 * 3 * 4, 6 + 12 + 8),
        ("aten::bmm", [[5, 2, 3], [5, 3, 4]], 5 * 48, 5 * 26),
        ("aten::baddbmm", [[5, 2, 4], [5, 2, 3], [5, 3, 4]], 5 * 48, 5 * 26),
        # scores 2 heads x 3 queries x 5 keys x 4 deep, then times values 6 wide; two query heads share one of the keys
        (
            "aten::_scaled_dot_product_flash_attention",
            [[1, 2, 3, 4], [1, 1, 5, 4], [1, 1, 5, 6]],
            2 * 2 * 3 * 5 * (4 + 6),
            24 + 20 + 30 + 36,
        ),
        (
            "aten::_scaled_dot_product_efficient_attention_backward",
            [[1, 2, 3, 6], [1, 2, 3, 4], [1, 2, 5, 4], [1, 2, 5, 6]],
            2 * 2 * 3 * 5 * (3 * 4 + 2 * 6),
            2 * (36 + 24 + 40 + 60),
        ),
        # both gradients: each 2 x 8 outputs-channels x 3 inputs x 9 taps over 2 images of 4 x 4
        (
            "aten::convolution_backward",
            [[2, 8, 4, 4], [2, 3, 4, 4], [8, 3, 3, 3]],
            2 * 2 * 8 * 3 * 9 * 2 * 16,
            256 + 2 * 96 + 2 * 216,
        ),
    ],
)
def test_operations_follow_from_shapes(name: str, shapes: list[list[int]], flops: int, elements: int, tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        insert_ops(connection, [(0, None, name, 0, 10, 5, shapes, "c10::Half", None)])
        assert counted(connection) == {name: (flops, elements * 2, 5)}


@pytest.mark.parametrize("shapes", [[], [[2, 3]], [[[2, 3]], [3, 4]], ["x"], [[2, 3, 4], [4, 5]]])
def test_shapes_that_are_no_matrices_count_nothing(shapes: list[object], tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        insert_ops(connection, [(0, None, "aten::mm", 0, 10, 5, shapes, "float", None)])
        assert counted(connection) == {}


def test_work_inside_counted_work_adds_its_device_time_alone(tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        insert_ops(
            connection,
            [
                (0, None, "aten::conv2d", 0, 100, 0, [[1, 1, 2, 2]], "float", 1000),
                (1, 0, "aten::cudnn_convolution", 10, 20, 7, [[1, 1, 2, 2]], "float", None),
                (2, 0, "aten::addmm", 40, 20, 9, [[4], [2, 3], [3, 4]], "float", 48),
                (3, None, "aten::relu", 100, 20, 11, [[2, 3]], "float", 6),
                (4, None, "aten::mm", 120, 20, 13, [[2, 3], [3, 4]], "float", 48),
            ],
        )
        assert counted(connection) == {"aten::conv2d": (1000, None, 16), "aten::mm": (48, 104, 13)}


@pytest.mark.parametrize(("uncounted_ns", "is_known"), [(0, True), (10, True), (12, False)])
def test_operations_of_a_part_of_the_work_are_no_figure_of_the_step(
    uncounted_ns: int, is_known: bool, tiny: ModuleType
) -> None:
    with tiny.connect() as connection:
        insert_ops(connection, [(0, None, "aten::mm", 0, 10, 90, [[2, 3], [3, 4]], "float", None)])
        connection.execute("UPDATE base.op SET step = 0")
        connection.execute("""
            INSERT INTO base.step (run_id, rank, step, start_ns, dur_ns, is_profiled, is_warmup)
            VALUES ('r', 0, 0, 0, 200, true, false)
        """)
        connection.execute(
            """
            INSERT INTO base.kernel BY NAME
            SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 'kernel' AS kind, 0 AS step, * FROM (VALUES
                (0, 'sgemm', 'gemm', 0, 90), (1, 'conv', 'conv', 90, ?), (2, 'relu', 'elementwise', 102, 50)
            ) AS t (kernel_id, name, category, start_ns, dur_ns)
            """,
            [uncounted_ns],
        )
        found = dict(connection.sql("SELECT metric, value FROM _work_sample").fetchall())
    assert found["flops_coverage"] == pytest.approx(90 / (140 + uncounted_ns))
    assert found.get("flops_per_step") == (48 if is_known else None)
    assert found.get("achieved_flops") == (pytest.approx(48 / 200e-9) if is_known else None)
    assert (found.get("mfu") is not None) == is_known


def test_the_peak_is_that_of_the_precision(tiny: ModuleType) -> None:
    row = (0, None, "aten::mm", 0, 10, 1000, [[512, 512], [512, 512]], "float", None)
    for precision, peak in ((None, 19.5e12), ("float32", 19.5e12), ("tf32", 156e12)):
        with tiny.connect() as connection:
            insert_ops(connection, [row], precision)
            found = connection.sql(
                "SELECT peak_flops_per_second, peak_bytes_per_second, bound_by, peak_ratio FROM op_flops"
            ).fetchall()
        bound_by = "compute" if peak < 85.33 * 2039e9 else "memory"  # 512 / 6 operations per byte
        assert found == [(peak, 2039e9, bound_by, pytest.approx(2 * 512**3 / 1e-6 / peak))]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("NVIDIA H100 80GB HBM3", "H100 SXM"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA H100 NVL", "H100 NVL"),
        ("NVIDIA H200", "H200 SXM"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB PCIe"),
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA GB200", "GB200"),
        ("NVIDIA GeForce RTX 2080 Ti", "RTX 2080 Ti"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090 D", None),
        ("AMD Instinct MI300X VF", "MI300X"),
        ("AMD Instinct MI250X/MI250", None),
        ("TPU v5 lite", "TPU v5e"),
        ("TPU v5e", "TPU v5e"),
        ("TPU v5", "TPU v5p"),
        ("TPU v6 Lite", "TPU v6e"),
        ("TPU7x", "TPU v7"),
        ("AMD EPYC 9575F", None),
    ],
)
def test_a_device_has_the_peaks_of_its_model_or_none(name: str, model: str | None, tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'r')")
        connection.execute("INSERT INTO base.device (run_id, rank, device_id, model) VALUES ('r', 0, 0, ?)", [name])
        assert connection.sql("SELECT model FROM device_peak").fetchall() == ([(model,)] if model else [])


def test_every_peak_cites_its_vendor_and_lies_in_the_order_of_precisions(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    models = tiny_runs.sql("FROM _device_model").fetchall()
    assert len({row[0] for row in models}) == len(models)
    for model, _, fp64, fp32, tf32, bf16, fp16, fp8, int8, bandwidth, memory, _, citation in models:
        assert any(domain in citation for domain in ("nvidia.com", "amd.com", "cloud.google.com")), model
        told = [figure for figure in (fp64, fp32, tf32, fp16 or bf16, fp8 or int8) if figure is not None]
        assert told == sorted(told), model
        assert bandwidth is None or 300 <= bandwidth <= 8000, model
        assert memory is None or 8 <= memory <= 288, model


def test_phases_of_a_step(tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        connection.execute("""
            INSERT INTO base.run (run_id, run) VALUES ('r', 'phases');
            INSERT INTO base.op (run_id, rank, op_id, name, category, start_ns, dur_ns, self_ns, step, is_backward)
            VALUES ('r', 0, 0, 'forward', 'gemm', 0, 30, 30, 0, false), ('r', 0, 1, 'backward', 'gemm', 40, 10, 10, 0, true),
                ('r', 0, 2, 'backward', 'gemm', 55, 5, 5, 0, true);
            INSERT INTO base.annotation (run_id, rank, name, kind, start_ns, dur_ns, step)
            VALUES ('r', 0, 'Optimizer.step#Adam.step', 'user', 60, 20, 0);
            INSERT INTO base.memory_event BY NAME
            SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 400 AS reserved_bytes, * FROM (VALUES
                (10, 100, 1, 100, 0), (45, 50, 2, 150, 0), (52, -100, 1, 50, 0), (60, 70, 3, 120, 0), (90, -70, 3, 50, 0),
                (500, 1, 4, 51, NULL)
            ) AS t (at_ns, bytes, address, allocated_bytes, step);
        """)
        phases = connection.sql(
            "SELECT phase, events, growth_bytes, peak_allocated_bytes, at_ns FROM memory_phase ORDER BY phase"
        )
        assert phases.fetchall() == [
            ("backward", 2, -50, 150, 45),
            ("forward", 2, 30, 100, 10),
            ("optimizer", 1, 70, 120, 60),
            ("other", 1, 1, 51, 500),
        ]
        live = connection.sql("SELECT position, held_bytes, op_name FROM memory_live ORDER BY position").fetchall()
        assert live == [(1, 100, "forward"), (2, 50, "backward")]


def test_how_much_of_a_capture_is_known(tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        connection.execute("""
            INSERT INTO base.run (run_id, run) VALUES ('r', 'known');
            INSERT INTO base.rank (run_id, rank) VALUES ('r', 0), ('r', 1);
            INSERT INTO base.step (run_id, rank, step, start_ns, dur_ns, is_profiled, is_warmup)
            VALUES ('r', 0, 0, 0, 100, true, false);
            INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, 0 AS device_id, 'k' AS name, * FROM (VALUES
                (0, 0, 'kernel', 'gemm', 0, 30, 1, 7, 0), (0, 1, 'kernel', 'other', 30, 10, 2, NULL, 0),
                (0, 2, 'memcpy', 'copy', 40, 10, 3, NULL, 0), (1, 0, 'kernel', 'gemm', 0, 30, NULL, NULL, NULL)
            ) AS t (rank, kernel_id, kind, category, start_ns, dur_ns, correlation_id, call_id, step);
            INSERT INTO base.memory_event (run_id, rank, device_id, at_ns, bytes, allocated_bytes, reserved_bytes)
            VALUES ('r', 0, 0, 1, 10, 30, 40), ('r', 0, 0, 2, -10, 20, 80), ('r', 1, 0, 1, 10, 30, 4);
        """)
        found = connection.sql("SELECT metric, rank, value FROM _quality_sample ORDER BY ALL").fetchall()
    assert found == [("category_coverage", 0, 0.75), ("launch_coverage", 0, 0.5), ("memory_fragmentation", 0, 0.25)]


# Attention on the CPU is unknown to torch's counter: 3 x 4 heads of 7 x 7 scores, twice forward, five times backward, 8 deep.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("backend", "unknown"), [("MATH", 0), ("FLASH_ATTENTION", 2 * 3 * 4 * 7 * 7 * 8 * (2 + 5))])
def test_operations_are_those_of_torch_s_own_counter(backend: str, unknown: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    layer = torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.0)
    model = torch.nn.Sequential(layer, torch.nn.Linear(32, 8))
    inputs = torch.randn(3, 7, 32)
    trace = tmp_path / "layer.pt.trace.json"
    with sdpa_kernel(getattr(SDPBackend, backend)):
        with FlopCounterMode(display=False) as counter:
            model(inputs).sum().backward()
        with torch.profiler.profile(record_shapes=True) as profiler:
            model(inputs).sum().backward()
    profiler.export_chrome_trace(str(trace))
    ingest([trace], store=tmp_path / "store")
    with Store(tmp_path / "store") as store:
        ((flops,),) = store.sql("SELECT sum(flops) FROM op_flops").fetchall()
    assert flops == counter.get_total_flops() + unknown > 0


CORPUS = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")


@pytest.mark.skipif(not (CORPUS / "torch_h100_qwen15").is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_one_model_has_the_same_operations_on_two_makes_of_gpu(tmp_path: Path) -> None:
    ingest([CORPUS / "torch_h100_qwen15", CORPUS / "torch_mi300_qwen15"], store=tmp_path)
    with Store(tmp_path) as store:
        rows = store.sql(
            "SELECT model, sum(flops), max(peak_ratio) FROM op_flops JOIN device_peak USING (run_id, rank) GROUP BY ALL"
        ).fetchall()
        shares = store.sql("SELECT value FROM run_metric WHERE metric = 'mfu' AND rank IS NULL").fetchall()
    found = {row[0]: row[1:] for row in rows}
    # 24 layers 1024 wide on 16 sequences of 559 tokens: four projections, three matrices of a feed-forward of 2816, attention
    tokens = 16 * 559
    expected = 24 * (2 * tokens * (4 * 1024**2 + 3 * 1024 * 2816) + 2 * 2 * 16 * 16 * 559**2 * 64) + 2 * 32 * 559
    assert {model: flops for model, (flops, _) in found.items()} == {"H100 SXM": expected, "MI300X": expected}
    assert all(0.3 < share < 0.8 for _, share in found.values())
    assert all(0.05 < share < 0.5 for (share,) in shares)


@pytest.mark.skipif(find_spec("xprof") is None, reason="xprof is not installed")
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_the_cost_of_xla_is_what_xprof_makes_of_it(tmp_path: Path) -> None:
    ingest([CORPUS / "xp_tpu_v6e_inference"], store=tmp_path, xla=True)
    with Store(tmp_path) as store:
        ours = store.sql("SELECT sum(flops), sum(bytes_accessed), sum(calls) FROM op_flops WHERE source = 'hlo'").fetchall()
        theirs = store.sql("SELECT sum(flops), sum(bytes_accessed), sum(occurrences) FROM hlo_op").fetchall()
    assert ours == theirs
    assert ours[0][0] > 1e12
