-- What nsys.py reads of an export: these tables, by their own names, and of each the columns named here.
-- Schemas of exports come and go: a table that the file lacks stays empty, a column that it lacks is NULL.

CREATE SCHEMA nsys;
CREATE TABLE nsys."StringIds" (id BIGINT, value VARCHAR); -- first: names are worth most where a file is cut short
CREATE TABLE nsys."META_DATA_EXPORT" (name VARCHAR, value VARCHAR); -- since 2024
CREATE TABLE nsys."TARGET_INFO_SYSTEM_ENV" (name VARCHAR, value VARCHAR);
CREATE TABLE nsys."TARGET_INFO_SESSION_START_TIME" ("utcEpochNs" BIGINT);
CREATE TABLE nsys."TARGET_INFO_GPU" (
    id BIGINT, name VARCHAR, uuid VARCHAR, "totalMemory" BIGINT, "smCount" BIGINT, "computeMajor" BIGINT, "computeMinor" BIGINT
);
CREATE TABLE nsys."TARGET_INFO_CUDA_DEVICE" ("gpuId" BIGINT, "cudaId" BIGINT, pid BIGINT);
CREATE TABLE nsys."DIAGNOSTIC_EVENT" (severity BIGINT, text VARCHAR);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_KERNEL" (
    start BIGINT, "end" BIGINT, "deviceId" BIGINT, "streamId" BIGINT, "correlationId" BIGINT, "globalPid" BIGINT,
    "demangledName" BIGINT, "shortName" BIGINT, "registersPerThread" BIGINT,
    "gridX" BIGINT, "gridY" BIGINT, "gridZ" BIGINT, "blockX" BIGINT, "blockY" BIGINT, "blockZ" BIGINT,
    "staticSharedMemory" BIGINT, "dynamicSharedMemory" BIGINT, "graphNodeId" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_MEMCPY" (
    start BIGINT, "end" BIGINT, "deviceId" BIGINT, "streamId" BIGINT, "correlationId" BIGINT, "globalPid" BIGINT,
    bytes BIGINT, "copyKind" BIGINT, "srcKind" BIGINT, "dstKind" BIGINT, "graphNodeId" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_MEMSET" (
    start BIGINT, "end" BIGINT, "deviceId" BIGINT, "streamId" BIGINT, "correlationId" BIGINT, "globalPid" BIGINT,
    bytes BIGINT, "memKind" BIGINT, "graphNodeId" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_GRAPH_TRACE" (
    start BIGINT, "end" BIGINT, "deviceId" BIGINT, "streamId" BIGINT, "correlationId" BIGINT, "globalPid" BIGINT, "graphId" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_RUNTIME" (
    start BIGINT, "end" BIGINT, "globalTid" BIGINT, "correlationId" BIGINT, "nameId" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_DRIVER" ( -- old exports; later ones keep these calls in RUNTIME
    start BIGINT, "end" BIGINT, "globalTid" BIGINT, "correlationId" BIGINT, "nameId" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_SYNCHRONIZATION" (
    start BIGINT, "end" BIGINT, "deviceId" BIGINT, "streamId" BIGINT, "globalPid" BIGINT, "syncType" BIGINT
);
CREATE TABLE nsys."CUPTI_ACTIVITY_KIND_OVERHEAD" (
    start BIGINT, "end" BIGINT, "globalTid" BIGINT, "nameId" BIGINT, "overheadType" BIGINT
);
CREATE TABLE nsys."PROFILER_OVERHEAD" (start BIGINT, "end" BIGINT, "globalTid" BIGINT, "nameId" BIGINT, "overheadType" BIGINT);
CREATE TABLE nsys."NVTX_EVENTS" (
    start BIGINT, "end" BIGINT, "eventType" BIGINT, text VARCHAR, "textId" BIGINT, "globalTid" BIGINT
);
CREATE TABLE nsys."CUDA_GPU_MEMORY_USAGE_EVENTS" (
    start BIGINT, "globalPid" BIGINT, "deviceId" BIGINT, address BIGINT, bytes BIGINT, "memKind" BIGINT, "memoryOperationType" BIGINT
);
CREATE TABLE nsys."GPU_METRICS" (timestamp BIGINT); -- counted, not kept
