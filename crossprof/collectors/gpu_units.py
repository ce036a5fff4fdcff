"""What the drivers of all vendors tell of a GPU: the names of OpenTelemetry, with their units."""

from __future__ import annotations

__all__ = ["GPU_UNITS"]

GPU_UNITS = {
    "hw.gpu.utilization": "1",
    "hw.gpu.memory.activity": "1",
    "hw.gpu.memory.usage": "By",
    "hw.gpu.memory.limit": "By",
    "hw.gpu.power": "W",
    "hw.gpu.energy": "J",
    "hw.gpu.clock.sm": "Hz",
    "hw.gpu.clock.memory": "Hz",
    "hw.gpu.temperature": "Cel",
    "hw.gpu.throttle": "1",
    "hw.gpu.throttle.power": "1",
    "hw.gpu.throttle.thermal": "1",
    "process.gpu.memory.usage": "By",
}
