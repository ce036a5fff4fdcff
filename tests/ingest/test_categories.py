"""The rule table: its form, its order, and what it says of names that people know."""

import json
import re
from pathlib import Path

import duckdb
import pytest

from crossprof.errors import CrossprofError
from crossprof.ingest import categories
from crossprof.ingest.categories import CATEGORIES, classify, rules, rules_version
from crossprof.ingest.ingest import ingest
from crossprof.store.store import Store

KERNELS = {
    "ncclDevKernel_AllReduce_Sum_f16_RING_LL(ncclDevComm*, unsigned long, ncclWork*)": "communication",
    "void dpsk::ep::internode::dispatch<false, 7168>(int4*)": "communication",
    "void vllm::cross_device_reduce_1stage<half, 2>(vllm::RankData*)": "communication",
    "Cijk_Alik_Bljk_BBS_BH_Bias_HA_S_SAV_UserArgs_MT128x256x32_MI16x16x1": "gemm",
    "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64": "gemm",
    "nvjet_tst_192x8_64x8_4x1_v_bz_TNT": "gemm",
    "void cutlass::Kernel2<cutlass_80_tensorop_f16_s16816gemm_relu_f16_128x128_32x5_tn_align8>": "gemm",
    "void cublasLt::splitKreduce_kernel<32, 16, int, float, float>": "gemm",
    "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwckrsc_nhwc": "conv",
    "volta_scudnn_128x64_relu_interior_nn_v1": "conv",
    "igemm_bwd_gtcx3_nhwc_bf16_bx0_ex1_bt256x64x32": "conv",
    "void cudnn::bn_fw_tr_1C11_kernel_NCHW<float, float, 512, true, 1>": "norm",
    "void pytorch_flash::flash_fwd_kernel<pytorch_flash::Flash_fwd_kernel_traits<64, 128>>": "attention",
    "void (anonymous namespace)::softmax_warp_forward<float, float, float, 10, true, false>": "softmax",
    "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>>": "elementwise",
    "void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>>": "copy",
    "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, at::native::MeanOps<float>>>": "reduce",
    "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<...FusedAdamMathFunctor...>": "optimizer",
    "void at::native::(anonymous namespace)::CatArrayBatchedCopy<...>": "copy",
    "__amd_rocclr_copyBuffer.kd": "copy",
    "triton_poi_fused_add_cos_sin_0": "fusion",
    "loop_multiply_fusion_3": "fusion",
    "wrapped_transpose": "copy",
    "a_kernel_of_nobody": "other",
}
OPS = {
    "aten::addmm": "gemm", "aten::exp": "elementwise", "aten::expand": "control", "aten::maximum": "elementwise",
    "aten::max": "reduce", "aten::max_pool2d_with_indices": "pooling", "aten::copy_": "copy", "aten::empty": "control",
    "aten::native_layer_norm": "norm", "aten::_softmax": "softmax", "aten::embedding": "embedding", "aten::gather": "index",
    "aten::scaled_dot_product_attention": "attention", "aten::nll_loss_forward": "loss", "aten::convolution_backward": "conv",
    "aten::_fused_adam_": "optimizer", "aten::normal_": "rng", "c10d::allreduce_": "communication", "AddmmBackward0": "gemm",
    "autograd::engine::evaluate_function: AddmmBackward0": "control",
    "MatMul": "gemm", "_MklMatMul": "gemm", "BatchMatMulV2": "gemm", "Relu": "elementwise", "AddV2": "elementwise",
    "_UnaryOpsComposition": "elementwise",
    "_MklFusedBatchNormV3": "norm", "Conv2DBackpropFilter": "conv", "_FusedConv2D": "conv", "GatherV2": "index",
    "ResourceApplyAdam": "optimizer", "SparseSoftmaxCrossEntropyWithLogits": "loss", "Mean": "reduce", "Cast": "copy",
    "IteratorGetNext": "input", "CollectiveReduceV2": "communication", "ReadVariableOp": "copy", "NoOp": "control",
    "dot": "gemm", "convolution": "conv", "reduce": "reduce", "broadcast_multiply_fusion": "fusion", "ynn_fusion": "fusion",
    "wrapped_tanh": "elementwise", "wrapped_scatter": "index", "all-reduce": "communication", "while": "control",
    "tanh": "elementwise", "transpose": "copy", "LayerNormalization": "norm", "Gemm": "gemm",
}  # fmt: skip
HLO = {"convolution fusion": "gemm", "loop fusion": "fusion", "all-reduce": "communication", "copy-done": "copy",
       "custom fusion": "fusion", "infeed": "input", None: "other"}  # fmt: skip


@pytest.fixture(scope="module")
def classified() -> dict[str, dict[tuple[str, str | None], str]]:
    with duckdb.connect() as connection:
        for table, names in (("kernel", KERNELS), ("op", OPS)):
            connection.execute(f"CREATE TEMP TABLE staged_{table} (name VARCHAR, hlo_category VARCHAR)")
            for name in names:
                connection.execute(f"INSERT INTO staged_{table} VALUES (?, NULL), (?, NULL)", [name, name])
        for hlo_category in HLO:
            connection.execute("INSERT INTO staged_kernel VALUES ('zzz.1', ?)", [hlo_category])
        classify(connection, "kernel")
        classify(connection, "op")
        return {
            table: {
                (name, hlo): category
                for name, hlo, category in connection.execute(
                    f"SELECT name, hlo_category, category FROM {table}_category"
                ).fetchall()
            }
            for table in ("kernel", "op")
        }


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(classified: dict[str, dict[tuple[str, str | None], str]], name: str) -> None:
    assert classified["kernel"][name, None] == KERNELS[name]


@pytest.mark.parametrize("name", OPS)
def test_ops(classified: dict[str, dict[tuple[str, str | None], str]], name: str) -> None:
    assert classified["op"][name, None] == OPS[name]


@pytest.mark.parametrize("hlo_category", HLO)
def test_hlo_categories_come_before_names(
    classified: dict[str, dict[tuple[str, str | None], str]], hlo_category: str | None
) -> None:
    assert classified["kernel"]["zzz.1", hlo_category] == HLO[hlo_category]


def test_one_row_a_name(classified: dict[str, dict[tuple[str, str | None], str]]) -> None:
    assert len(classified["op"]) == len(OPS)


def test_the_table_is_well_formed() -> None:
    table = rules()
    assert {rule.category for rule in table} <= set(CATEGORIES)
    assert all(rule.source for rule in table)
    assert len({(rule.scope, rule.pattern) for rule in table}) == len(table)
    for rule in table:
        re.compile(rule.pattern)
        # A pattern that matches nothing in particular would swallow every rule after it.
        assert not re.search(rule.pattern, "")


HEAD = "scope,pattern,category,source\n"


def rules_file(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    path = folder / "rules.csv"
    path.write_text(text)
    monkeypatch.setenv("CROSSPROF_CATEGORY_RULES", str(path))
    return path


def test_rules_of_ones_own_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = rules_version()
    rules_file(tmp_path, monkeypatch, HEAD + 'kernel,"^sgemm_[0-9]{1,2}",conv,mine\n\n')
    assert rules_version() != ours
    trace = tmp_path / "t.json"
    kernel = {"ph": "X", "cat": "kernel", "name": "sgemm_1", "pid": 0, "tid": 7, "ts": 1, "dur": 1}
    trace.write_text(json.dumps({"schemaVersion": 1, "traceEvents": [kernel]}))
    ingest([trace], store=tmp_path / "store")
    with Store(tmp_path / "store") as store:
        assert store.sql("SELECT category FROM kernel").fetchall() == [("conv",)]
        assert store.sql("SELECT versions['category_rules'] FROM run").fetchall() == [(rules_version(),)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the columns are"),
        ("pattern,category\n", "line 1: the columns are pattern,category; write scope,pattern,category,source"),
        (HEAD + "kernel,a,gemm,x\nkernel,a{1,2},gemm,x\n", "line 3: it has 5 columns"),
        (HEAD + "gpu,a,gemm,x\n", "line 2: the scope is 'gpu'; known are kernel, op, both, hlo"),
        (HEAD + "kernel,a,matmul,x\n", "line 2: the category is 'matmul'; known are gemm"),
        (HEAD + "kernel,a(?=b),gemm,x\n", "line 2: the pattern 'a(?=b)' is no regular expression"),
    ],
)
def test_a_line_that_is_no_rule_stops_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    path = rules_file(tmp_path, monkeypatch, text)
    with pytest.raises(CrossprofError, match=re.escape(f"{path}, {says}")) as error:
        ingest([tmp_path / "absent.json"], store=tmp_path / "store")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "store").exists()


def test_rules_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSPROF_CATEGORY_RULES", str(tmp_path / "none.csv"))
    with pytest.raises(CrossprofError, match="can't be read: No such file or directory"):
        rules()


def test_the_rules_that_come_with_crossprof_are_rules() -> None:
    assert categories._parsed(categories._own_text(), "category_rules.csv") == categories._own_rules()
