"""ONNX Runtime: a session of crossprof's, in loops of every form and as a server would call it."""

import numpy as np
import onnx
import onnxruntime
from cell import BATCHES, SIZE, cell, forms, main, rounded

import crossprof

BATCH = np.linspace(0, 1, SIZE * 16, dtype="float32").reshape(SIZE, 16)


def model(width: int = 16) -> bytes:
    """A product of matrices and a ReLU."""
    weights = onnx.numpy_helper.from_array(np.linspace(-1, 1, width * 8, dtype="float32").reshape(width, 8), "weights")
    nodes = [
        onnx.helper.make_node("MatMul", ["inputs", "weights"], ["hidden"], name="/dense/MatMul"),
        onnx.helper.make_node("Relu", ["hidden"], ["outputs"], name="/act/Relu"),
    ]
    values = [
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size])]
        for name, size in (("inputs", width), ("outputs", 8))
    ]
    graph = onnx.helper.make_graph(nodes, "graph", *values, [weights])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    return bytes(made.SerializeToString())


class Served:
    """A session that is made with each pass over the batches."""

    def start(self):
        self.session = crossprof.onnxruntime.Session(model())
        return [BATCH / (1 + number) for number in range(BATCHES)]

    def run(self, batch) -> float:
        return round(float(self.session.run(None, {"inputs": batch})[0].sum()), 4)


served = Served()
forms("onnxruntime", lambda name: crossprof.profile(name, framework="onnxruntime"), served.start, served.run)


@cell(phase="inference")
def onnxruntime_requests(name):
    with crossprof.profile(name, framework="onnxruntime", phase="inference"):
        return [served.run(batch) for batch in served.start()]


@cell(phase="inference")
def onnxruntime_with_a_profile_of_its_own(name):
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, name
    with crossprof.profile(name, framework="onnxruntime", phase="inference"):
        session = crossprof.onnxruntime.Session(model(), options)
        answers = [session.run(None, {"inputs": BATCH})[0].sum() for _ in range(BATCHES)]
    assert session.end_profiling().startswith(name)
    return rounded(answers)


if __name__ == "__main__":
    main()
