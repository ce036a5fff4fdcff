-- One row is one model of device: how fast can it compute and read its memory at most, and who says so? Read by device_peak.
-- Figures are in 10^12 operations a second without sparsity, 10^9 bytes a second, 10^9 bytes, of what a trace calls one device: `derivation`
-- says what was halved for that. Matrix units where they know the precision, else vector units: fp32 on NVIDIA is without TF32.
-- What the cited document does not tell, and what two variants of one name would tell differently, is NULL or has no row.
CREATE VIEW _device_model AS
FROM (VALUES
    ('V100 SXM2', 'V100-SXM2', 7.8, 15.7, NULL, NULL, 125, NULL, NULL, 900, NULL, NULL, 'NVIDIA V100 Tensor Core GPU data sheet, www.nvidia.com'),
    ('V100 PCIe', 'V100-PCIE', 7, 14, NULL, NULL, 112, NULL, NULL, 900, NULL, NULL, 'NVIDIA V100 Tensor Core GPU data sheet, www.nvidia.com'),
    ('T4', '(Tesla|NVIDIA) T4$', NULL, 8.1, NULL, NULL, 65, NULL, 130, 320, 16, NULL, 'NVIDIA T4 Tensor Core GPU data sheet; bandwidth: Tesla T4 product brief PB-09256, www.nvidia.com'),
    ('RTX 2080 Ti', 'RTX 2080 Ti', NULL, 13.4, NULL, NULL, 53.8, NULL, 215.2, 616, 11, 'reference clocks, fp16 summed in fp32', 'NVIDIA Turing GPU Architecture white paper, www.nvidia.com'),
    ('A100 40GB', 'A100-SXM4-40GB|A100-PCIE-40GB|A100-PG509-200', 19.5, 19.5, 156, 312, 312, NULL, 624, 1555, 40, NULL, 'NVIDIA A100 Tensor Core GPU data sheet, www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf'),
    ('A100 80GB PCIe', 'A100 80GB PCIe', 19.5, 19.5, 156, 312, 312, NULL, 624, 1935, 80, NULL, 'NVIDIA A100 Tensor Core GPU data sheet, www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf'),
    ('A100 80GB SXM', 'A100-SXM4-80GB', 19.5, 19.5, 156, 312, 312, NULL, 624, 2039, 80, NULL, 'NVIDIA A100 Tensor Core GPU data sheet, www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf'),
    ('A10', 'NVIDIA A10$', NULL, 31.2, 62.5, 125, 125, NULL, 250, 600, 24, NULL, 'NVIDIA A10 Tensor Core GPU data sheet, www.nvidia.com'),
    ('A40', 'NVIDIA A40$', NULL, 37.4, 74.8, 149.7, 149.7, NULL, 299.3, 696, 48, NULL, 'NVIDIA A40 data sheet, www.nvidia.com'),
    ('RTX 3090', 'RTX 3090$', NULL, 35.6, 35.6, 71, 71, NULL, 284, 936, 24, 'fp16 summed in fp32', 'NVIDIA Ampere GA102 GPU Architecture white paper, www.nvidia.com'),
    ('L4', 'NVIDIA L4$', NULL, 30.3, 60, 121, 121, 242.5, 242.5, 300, 24, 'half of what the vendor states with sparsity', 'NVIDIA L4 Tensor Core GPU, www.nvidia.com/en-us/data-center/l4'),
    ('L40S', 'NVIDIA L40S$', NULL, 91.6, 183, 362.05, 362.05, 733, 733, 864, 48, NULL, 'NVIDIA L40S data sheet, www.nvidia.com/en-us/data-center/l40s'),
    ('RTX 4090', 'RTX 4090$', NULL, 82.6, 82.6, 165.2, 165.2, 330.3, 660.6, 1008, 24, 'fp16 and fp8 summed in fp32', 'NVIDIA Ada GPU Architecture white paper, www.nvidia.com'),
    ('H100 SXM', 'H100 80GB HBM3', 67, 67, 494.5, 989.5, 989.5, 1979, 1979, 3350, 80, 'half of what the vendor states with sparsity', 'NVIDIA H100 Tensor Core GPU, www.nvidia.com/en-us/data-center/h100'),
    ('H100 PCIe', 'H100 PCIe', 51, 51, 378, 756.5, 756.5, 1513, 1513, 2000, 80, 'half of what the vendor states with sparsity', 'NVIDIA H100 Tensor Core GPU data sheet of 2022, www.nvidia.com'),
    ('H100 NVL', 'H100 NVL', 60, 60, 417.5, 835.5, 835.5, 1670.5, 1670.5, 3900, 94, 'half of what the vendor states with sparsity', 'NVIDIA H100 Tensor Core GPU, www.nvidia.com/en-us/data-center/h100'),
    ('H200 SXM', 'NVIDIA H200$', 67, 67, 494.5, 989.5, 989.5, 1979, 1979, 4800, 141, 'half of what the vendor states with sparsity', 'NVIDIA H200 Tensor Core GPU, www.nvidia.com/en-us/data-center/h200'),
    ('H200 NVL', 'H200 NVL', 60, 60, 417.5, 835.5, 835.5, 1670.5, 1670.5, 4800, 141, 'half of what the vendor states with sparsity', 'NVIDIA H200 Tensor Core GPU, www.nvidia.com/en-us/data-center/h200'),
    ('B200', 'NVIDIA B200', 37, 75, 1125, 2250, 2250, 4500, 4500, 8000, 180, 'an eighth of the HGX or DGX board, and half of that where it is stated with sparsity', 'NVIDIA HGX platform, www.nvidia.com/en-us/data-center/hgx; bandwidth: DGX B200 data sheet, www.nvidia.com/en-us/data-center/dgx-b200'),
    ('GB200', 'NVIDIA GB200', 40, 80, 1250, 2500, 2500, 5000, 5000, 8000, 186, 'a 72nd of the rack, and half of that where it is stated with sparsity', 'NVIDIA GB200 NVL72, www.nvidia.com/en-us/data-center/gb200-nvl72'),
    ('RTX 5090', 'RTX 5090$', NULL, 104.8, 104.8, 209.5, 209.5, 419, 838, 1792, 32, 'fp16 and fp8 summed in fp32', 'NVIDIA RTX Blackwell GPU Architecture white paper, www.nvidia.com'),
    ('MI210', 'Instinct MI210', 45.3, 45.3, NULL, 181, 181, NULL, 181, 1638.4, 64, NULL, 'AMD Instinct MI200 series accelerators, www.amd.com/en/products/accelerators/instinct/mi200/mi210.html'),
    ('MI250X', 'Instinct MI250X$', 47.85, 47.85, NULL, 191.5, 191.5, NULL, 191.5, 1638.4, 64, 'half of the module: each of its two dies is a device', 'AMD Instinct MI200 series accelerators, www.amd.com/en/products/accelerators/instinct/mi200/mi250x.html'),
    ('MI300X', 'Instinct MI300X', 163.4, 163.4, 653.7, 1307.4, 1307.4, 2614.9, 2614.9, 5300, 192, NULL, 'AMD Instinct MI300X accelerator, www.amd.com/en/products/accelerators/instinct/mi300/mi300x.html'),
    ('MI325X', 'Instinct MI325X', 163.4, 163.4, 653.7, 1307.4, 1307.4, 2614.9, 2614.9, 6000, 256, NULL, 'AMD Instinct MI325X accelerator, www.amd.com/en/products/accelerators/instinct/mi300/mi325x.html'),
    ('MI355X', 'Instinct MI355X', 78.6, 157.3, NULL, 2516.6, 2516.6, 5033.2, 5033.2, 8000, 288, NULL, 'AMD Instinct MI355X GPU, www.amd.com/en/products/accelerators/instinct/mi350/mi355x.html'),
    ('TPU v2', 'TPU v2$', NULL, NULL, NULL, 22.5, NULL, NULL, NULL, 350, 8, 'half of the chip: each of its two cores is a device', 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/v2'),
    ('TPU v3', 'TPU v3$', NULL, NULL, NULL, 61.5, NULL, NULL, NULL, 450, 16, 'half of the chip: each of its two cores is a device', 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/v3'),
    ('TPU v4', 'TPU v4$', NULL, NULL, NULL, 275, NULL, NULL, 275, 1200, 32, NULL, 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/v4'),
    ('TPU v5e', 'TPU v5 ?(e|[Ll]ite)$', NULL, NULL, NULL, 197, NULL, NULL, 393, 819, 16, NULL, 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/v5e'),
    ('TPU v5p', 'TPU v5p?$', NULL, NULL, NULL, 459, NULL, 459, NULL, 2765, 95, NULL, 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/v5p'),
    ('TPU v6e', 'TPU v6 ?(e|[Ll]ite)$', NULL, NULL, NULL, 918, NULL, 918, 1836, 1638, 32, NULL, 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/v6e, docs.cloud.google.com/tpu/docs/tpu7x'),
    ('TPU v7', 'TPU ?v?7x?$', NULL, NULL, NULL, 1153.5, NULL, 2307, NULL, NULL, 96, 'half of the chip: each of its two cores is a device', 'Cloud TPU documentation, docs.cloud.google.com/tpu/docs/tpu7x')
) AS known (model, pattern, fp64, fp32, tf32, bf16, fp16, fp8, int8, bandwidth, memory, derivation, citation);

COMMENT ON VIEW _device_model IS 'One model of device: what it can do at most, by its vendor.';
COMMENT ON COLUMN _device_model.model IS 'Name of the model.';
COMMENT ON COLUMN _device_model.pattern IS 'Regular expression that finds it in the name that a trace gives the device.';
COMMENT ON COLUMN _device_model.fp64 IS 'Operations a second in fp64, in 10^12, dense.';
COMMENT ON COLUMN _device_model.fp32 IS 'Operations a second in fp32, in 10^12, dense.';
COMMENT ON COLUMN _device_model.tf32 IS 'Operations a second in tf32, in 10^12, dense.';
COMMENT ON COLUMN _device_model.bf16 IS 'Operations a second in bf16, in 10^12, dense.';
COMMENT ON COLUMN _device_model.fp16 IS 'Operations a second in fp16, in 10^12, dense.';
COMMENT ON COLUMN _device_model.fp8 IS 'Operations a second in fp8, in 10^12, dense.';
COMMENT ON COLUMN _device_model.int8 IS 'Operations a second in int8, in 10^12, dense.';
COMMENT ON COLUMN _device_model.bandwidth IS 'Bytes a second of its memory, in 10^9.';
COMMENT ON COLUMN _device_model.memory IS 'Size of its memory, in 10^9 bytes.';
COMMENT ON COLUMN _device_model.derivation IS 'How the figures follow from the cited ones. NULL: they are as cited.';
COMMENT ON COLUMN _device_model.citation IS 'Document of the vendor.';
