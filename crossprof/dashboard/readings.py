"""Readings of telemetry that are drawn together: what a collector calls each, and the panel that shows it."""

from __future__ import annotations

__all__ = ["ACTIVITY", "POWER", "UTILIZATION"]

UTILIZATION = {
    "hw.gpu.utilization": "Device",
    "hw.tpu.utilization": "Device",
    "process.cpu.utilization": "Process CPU",
}
ACTIVITY = {
    "hw.gpu.sm.activity": "SMs",
    "hw.gpu.tensor.activity": "Tensor",
    "hw.tpu.tensorcore.utilization": "Tensor",
    "hw.gpu.dram.activity": "Memory",
    "hw.tpu.memory.bandwidth.utilization": "Memory",
}
POWER = {"hw.gpu.power": "Power", "hw.gpu.throttle": "Held back", "hw.tpu.throttle": "Held back"}
