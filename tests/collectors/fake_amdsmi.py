"""As much of amdsmi 7 as a sampler asks for, with the shapes of its answers. Its device says that it is no GPU."""

from __future__ import annotations

import enum
import os
from itertools import count


class AmdSmiException(Exception):
    pass


class AmdSmiLibraryException(AmdSmiException):
    pass


class AmdSmiMemoryType(enum.IntEnum):
    VRAM = 0


class AmdSmiClkType(enum.IntEnum):
    GFX = 0
    MEM = 4


class AmdSmiTemperatureType(enum.IntEnum):
    HOTSPOT = 1


class AmdSmiTemperatureMetric(enum.IntEnum):
    CURRENT = 0


_reading = count(1)


def amdsmi_init():
    pass


def amdsmi_get_processor_handles():
    return [0, 1]


def amdsmi_get_gpu_asic_info(handle):
    return {"market_name": "CROSSPROF FAKE GPU", "num_compute_units": 304, "target_graphics_version": "gfx942"}


def amdsmi_get_gpu_device_uuid(handle):
    return f"{handle}aff74a1-0000-1000-80e9-ddaa40caefe0"


def amdsmi_get_gpu_device_bdf(handle):
    return f"0000:0{handle + 1}:00.0"


def amdsmi_get_gpu_activity(handle):
    return {"gfx_activity": 80, "umc_activity": 30, "mm_activity": "N/A"}


def amdsmi_get_gpu_memory_usage(handle, kind):
    return 24 << 30


def amdsmi_get_gpu_memory_total(handle, kind):
    return 192 << 30


def amdsmi_get_power_info(handle):
    return {"current_socket_power": "N/A", "average_socket_power": 550, "power_limit": 750_000_000}


def amdsmi_get_energy_count(handle):
    return {"energy_accumulator": 2_000_000, "counter_resolution": 15.25, "timestamp": 1}


def amdsmi_get_clock_info(handle, kind):
    return {"clk": 2100 if kind == AmdSmiClkType.GFX else 1300, "max_clk": 2100}


def amdsmi_get_temp_metric(handle, kind, metric):
    raise AmdSmiLibraryException("AMDSMI_STATUS_NOT_SUPPORTED")


def amdsmi_get_gpu_metrics_info(handle):
    reading = next(_reading)
    return {
        "accumulation_counter": 1000 * reading,
        "ppt_residency_acc": 250 * reading,
        "socket_thm_residency_acc": 0,
        "vr_thm_residency_acc": "N/A",
        "hbm_thm_residency_acc": 50 * reading,
        "prochot_residency_acc": 0,
        "xgmi_read_data_acc": [4, 8, "N/A", "N/A"],
        "xgmi_write_data_acc": [1, 1, "N/A", "N/A"],
    }


def amdsmi_get_gpu_process_list(handle):
    other = {"name": "other", "pid": 1, "memory_usage": {"vram_mem": 5}}
    return [other, {"name": "own", "pid": os.getpid(), "memory_usage": {"vram_mem": 7 << 30}}]
