// Devices, memory, and the table that the program sees.
#include "ops/backend.h"

#include <cstdio>

#include "ops/cuda/context.cuh"
#include "ops/cuda/cuda_check.h"
#include "ops/cuda/elementwise.cuh"
#include "ops/cuda/gram.cuh"
#include "ops/cuda/operators.cuh"

namespace {

int32_t device_count(int32_t* count, AmalgamFailure* failure) {
  *count = 0;
  CUDA_TRY(cudaGetDeviceCount(count));
  return 0;
}

int32_t device_info(int32_t device, AmalgamDeviceInfo* info, AmalgamFailure* failure) {
  cudaDeviceProp properties;
  CUDA_TRY(cudaGetDeviceProperties(&properties, device));
  CUDA_TRY(cudaSetDevice(device));
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  CUDA_TRY(cudaMemGetInfo(&free_bytes, &total_bytes));
  std::snprintf(info->name, sizeof info->name, "%s", properties.name);
  info->free_bytes = free_bytes;
  info->total_bytes = total_bytes;
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  return 0;
}

int32_t allocate(int32_t device, uint64_t bytes, void** device_memory, AmalgamFailure* failure) {
  *device_memory = nullptr;
  CUDA_TRY(cudaSetDevice(device));
  CUDA_TRY(cudaMalloc(device_memory, bytes));
  return 0;
}

int32_t release(int32_t device, void* device_memory, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(device));
  CUDA_TRY(cudaFree(device_memory));
  return 0;
}

int32_t copy_to_device(int32_t device, void* device_target, const void* source, uint64_t bytes,
                       AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(device));
  CUDA_TRY(cudaMemcpy(device_target, source, bytes, cudaMemcpyHostToDevice));
  return 0;
}

int32_t copy_to_host(int32_t device, void* target, const void* device_source, uint64_t bytes, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(device));
  CUDA_TRY(cudaMemcpy(target, device_source, bytes, cudaMemcpyDeviceToHost));
  return 0;
}

// In the order of the table.
constexpr AmalgamBackend backend = {
    AMALGAM_BACKEND_VERSION,
    sizeof(AmalgamBackend),
    device_count,
    device_info,
    allocate,
    release,
    copy_to_device,
    copy_to_host,
    cuda_scale,
    cuda_axpy,
    cuda_gram_f64,
    cuda_context_open,
    cuda_context_close,
    cuda_wait,
    cuda_memory_info,
    cuda_allocate_pinned,
    cuda_release_pinned,
    cuda_copy_in,
    cuda_copy_out,
    cuda_fill_zero,
    cuda_embed,
    cuda_rms_norm,
    cuda_linear,
    cuda_add_bias,
    cuda_scale_units,
    cuda_rope,
    cuda_attention_prefill,
    cuda_attention_decode,
    cuda_scatter_rows,
    cuda_swiglu,
    cuda_add,
    cuda_token_choices,
    cuda_clear_rows,
    cuda_linear_back,
    cuda_weight_back,
    cuda_unit_back,
    cuda_dropout,
    cuda_rms_norm_back,
    cuda_rope_back,
    cuda_attention_back,
    cuda_swiglu_back,
    cuda_token_loss,
    cuda_squared_norm,
    cuda_adamw,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const AmalgamBackend* amalgam_backend_entry(void) { return &backend; }
