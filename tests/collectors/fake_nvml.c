/* A stand-in for the driver's NVML: two GPUs that are plainly no GPUs. Whatever is not here fails as FunctionNotFound. */
#include <string.h>

typedef struct { unsigned int gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;

static int handles[2] = {0, 1};
static unsigned long long energy = 1000000;

int nvmlInitWithFlags(unsigned int flags) { (void)flags; return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "fake error"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index > 1) return 2;
    *handle = &handles[index];
    return 0;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned int length) {
    (void)handle;
    strncpy(name, "CROSSPROF FAKE GPU", length);
    return 0;
}
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned int length) {
    strncpy(uuid, *(int *)handle ? "GPU-fake-1" : "GPU-fake-0", length);
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, utilization *rates) {
    rates->gpu = *(int *)handle ? 0 : 75;
    rates->memory = 25;
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, memory *info) {
    (void)handle;
    info->total = 8ull << 30;
    info->used = 1ull << 30;
    info->free = 7ull << 30;
    return 0;
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned int *milliwatts) { (void)handle; *milliwatts = 123456; return 0; }
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *millijoules) {
    (void)handle;
    *millijoules = energy += 500;
    return 0;
}
