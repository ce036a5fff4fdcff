/* A stand-in for the driver's NVML. Whatever is not here fails as FunctionNotFound, as in an older driver.

   GPU 0 answers everything. GPU 1 lacks utilization and links, is slow on the bus, and is lost after six temperatures.
   GPU 2 is cut into two MIG devices, with a gap between them. All of them are plainly no GPUs. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };
enum { UNSIGNED_INT = 1, UNSIGNED_LONG_LONG = 3 };
enum { NVLINK_SENT = 138, NVLINK_RECEIVED = 139, POWER_INSTANT = 186, PCIE_SENT = 197, PCIE_RECEIVED = 198 };
enum { SM_UTIL = 2, SM_OCCUPANCY = 3, ANY_TENSOR = 5, DRAM_BANDWIDTH = 10 };

typedef struct { unsigned int gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { char legacy[16]; unsigned int domain, bus, device, id, subsystem; char bus_id[32]; } pci;
typedef struct {
    unsigned int field, scope;
    long long at, latency;
    unsigned int type, result;
    union { unsigned int integer; unsigned long long whole; double real; } value;
} field_value;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } process;
typedef struct { unsigned int pid; unsigned long long at; unsigned int sm, memory, encoder, decoder; } process_share;
typedef struct { unsigned int version, is_supported; } gpm_support;
typedef struct { long long taken; } gpm_sample;
typedef struct { unsigned int metric, result; double value; char *info[3]; } gpm_metric;
typedef struct { unsigned int version, count; gpm_sample *first, *second; gpm_metric metrics[]; } gpm_question;

typedef struct { int gpu, instance; const char *uuid, *name; unsigned long long bytes; } device;
static device devices[] = {
    {0, 0, "GPU-fake-0", "CROSSPROF FAKE GPU", 8ull << 30},
    {1, 0, "GPU-fake-1", "CROSSPROF FAKE GPU", 8ull << 30},
    {2, 0, "GPU-fake-2", "CROSSPROF FAKE GPU", 8ull << 30},
    {2, 7, "MIG-fake-2a", "CROSSPROF FAKE GPU MIG 1g", 2ull << 30},
    {2, 9, "MIG-fake-2b", "CROSSPROF FAKE GPU MIG 1g", 2ull << 30},
};
static unsigned long long energy = 1000000, sent = 5000000, received = 9000000;
static int temperatures, reasons;
static long long samples[8], mig_samples[8];

static device *of(void *handle) { return handle; }
static int whole_gpu(void *handle) { return of(handle)->instance == 0; }

int nvmlInitWithFlags(unsigned int flags) { (void)flags; return SUCCESS; }
int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "fake error"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 3; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index > 2) return INVALID_ARGUMENT;
    *handle = &devices[index];
    return SUCCESS;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned int length) { strncpy(name, of(handle)->name, length); return SUCCESS; }
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned int length) { strncpy(uuid, of(handle)->uuid, length); return SUCCESS; }
int nvmlDeviceGetPciInfo_v3(void *handle, pci *info) {
    strcpy(info->bus_id, "00000000:65:00.0");
    info->bus_id[10] = (char)('0' + of(handle)->gpu);
    return SUCCESS;
}
int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    (void)handle;
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *handle, unsigned int *now, unsigned int *pending) {
    if (of(handle)->gpu == 1) return NOT_SUPPORTED;
    *now = *pending = of(handle)->gpu == 2;
    return SUCCESS;
}
int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned int *count) { (void)handle; *count = 3; return SUCCESS; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned int index, void **mig) {
    (void)handle;
    if (index == 1) return NOT_FOUND;
    *mig = &devices[index ? 4 : 3];
    return SUCCESS;
}
int nvmlDeviceGetGpuInstanceId(void *handle, unsigned int *instance) { *instance = of(handle)->instance; return SUCCESS; }

int nvmlDeviceGetUtilizationRates(void *handle, utilization *rates) {
    if (of(handle)->gpu) return NOT_SUPPORTED;
    rates->gpu = 75;
    rates->memory = 25;
    return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(void *handle, memory *info) {
    info->total = of(handle)->bytes;
    info->used = info->total / 8;
    info->free = info->total - info->used;
    return SUCCESS;
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned int *milliwatts) {
    if (!whole_gpu(handle)) return NOT_SUPPORTED;
    *milliwatts = 123456;
    return SUCCESS;
}
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *millijoules) {
    if (!whole_gpu(handle)) return NOT_SUPPORTED;
    *millijoules = energy += 500;
    return SUCCESS;
}
int nvmlDeviceGetClockInfo(void *handle, int kind, unsigned int *megahertz) {
    (void)handle;
    *megahertz = kind == 1 ? 1980 : 2619;
    return SUCCESS;
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned int *celsius) {
    (void)sensor;
    if (of(handle)->gpu == 1 && ++temperatures > 6) return GPU_IS_LOST;
    *celsius = 45;
    return SUCCESS;
}
/* The name from before driver 535. GPU 0 is at its power cap in every other reading, and idle in the others. */
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *bits) {
    *bits = of(handle)->gpu ? 0x40 : reasons++ % 2 ? 0x1 : 0x4;
    return SUCCESS;
}

int nvmlDeviceGetFieldValues(void *handle, int count, field_value *values) {
    for (field_value *one = values; one < values + count; one++) {
        int is_bus = one->field == PCIE_SENT || one->field == PCIE_RECEIVED;
        if (of(handle)->gpu && is_bus) nanosleep(&(struct timespec){0, 4000000}, NULL);
        one->result = of(handle)->gpu && !is_bus ? NOT_SUPPORTED : SUCCESS;
        one->type = one->field == POWER_INSTANT ? UNSIGNED_INT : UNSIGNED_LONG_LONG;
        if (one->field == POWER_INSTANT) one->value.integer = 130000;
        if (one->field == PCIE_SENT) one->value.whole = sent += 1000;
        if (one->field == PCIE_RECEIVED) one->value.whole = received += 2000;
        if (one->field == NVLINK_SENT) one->value.whole = one->scope == 0xFFFFFFFF ? 3 : 0;
        if (one->field == NVLINK_RECEIVED) one->value.whole = one->scope == 0xFFFFFFFF ? 4 : 0;
    }
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned int *count, process *found) {
    (void)handle;
    if (!found) { *count = 2; return INSUFFICIENT_SIZE; }
    *count = 2;
    found[0] = (process){1, 1ull << 30, 0, 0};
    found[1] = (process){(unsigned int)getpid(), 64ull << 20, 0, 0};
    return SUCCESS;
}
/* Two samples, each of this process and of another; none that are newer than the last. */
int nvmlDeviceGetProcessUtilization(void *handle, process_share *found, unsigned int *count, unsigned long long since) {
    (void)handle;
    if (since >= 2000) return NOT_FOUND;
    if (!found) { *count = 3; return INSUFFICIENT_SIZE; }
    found[0] = (process_share){(unsigned int)getpid(), 1000, 40, 0, 0, 0};
    found[1] = (process_share){1, 1000, 90, 0, 0, 0};
    found[2] = (process_share){(unsigned int)getpid(), 2000, 20, 0, 0, 0};
    *count = 3;
    return SUCCESS;
}

int nvmlGpmQueryDeviceSupport(void *handle, gpm_support *support) {
    support->is_supported = of(handle)->gpu != 1;
    return SUCCESS;
}
int nvmlGpmSampleAlloc(gpm_sample **sample) { *sample = calloc(1, sizeof(gpm_sample)); return SUCCESS; }
int nvmlGpmSampleFree(gpm_sample *sample) { free(sample); return SUCCESS; }
int nvmlGpmSampleGet(void *handle, gpm_sample *sample) {
    if (of(handle)->gpu == 2) return NOT_SUPPORTED;
    sample->taken = ++samples[of(handle)->gpu];
    return SUCCESS;
}
int nvmlGpmMigSampleGet(void *handle, unsigned int instance, gpm_sample *sample) {
    (void)handle;
    sample->taken = mig_samples[instance % 8] += 3;
    return SUCCESS;
}
/* Ten per cent for each count between the samples, so that their order shows; no value of what there is none of. */
int nvmlGpmMetricsGet(gpm_question *asked) {
    for (unsigned int place = 0; place < asked->count; place++) {
        gpm_metric *one = &asked->metrics[place];
        one->result = one->metric == SM_OCCUPANCY ? NOT_SUPPORTED : SUCCESS;
        one->value = 10.0 * (asked->second->taken - asked->first->taken) / (one->metric == ANY_TENSOR ? 2 : 1);
    }
    return SUCCESS;
}
