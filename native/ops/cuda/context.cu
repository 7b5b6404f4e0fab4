#include "ops/cuda/context.cuh"

#include <new>

#include "ops/cuda/cublas_check.cuh"
#include "ops/cuda/cuda_check.h"

namespace {

constexpr size_t workspace_bytes = size_t{32} << 20;  // what NVIDIA advises for Hopper
constexpr int32_t no_reduced_precision = 16;          // CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION

int32_t open_cublas(AmalgamContext& context, AmalgamFailure* failure) {
  const AmalgamCublas& cublas = *context.cublas;
  CUDA_TRY(cudaMalloc(&context.workspace, workspace_bytes));
  CUBLAS_TRY(cublas.create(&context.cublas_handle));
  CUBLAS_TRY(cublas.set_stream(context.cublas_handle, context.stream));
  // After the stream, which would put cuBLAS back to a workspace of its own.
  CUBLAS_TRY(cublas.set_workspace(context.cublas_handle, context.workspace, workspace_bytes));
  CUBLAS_TRY(cublas.set_math_mode(context.cublas_handle, no_reduced_precision));
  return 0;
}

int32_t open_parts(AmalgamContext& context, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context.device));
  // Waits for the legacy stream, on which plain copies run.
  CUDA_TRY(cudaStreamCreate(&context.stream));
  return context.cublas != nullptr ? open_cublas(context, failure) : 0;
}

}  // namespace

int32_t cuda_context_open(int32_t device, const AmalgamCublas* cublas, AmalgamContext** context,
                          AmalgamFailure* failure) {
  *context = new (std::nothrow) AmalgamContext;
  if (*context == nullptr) CUDA_TRY(cudaErrorMemoryAllocation);
  (*context)->device = device;
  (*context)->cublas = cublas;
  const int32_t status = open_parts(**context, failure);
  if (status != 0) {
    AmalgamFailure second;  // the first one is the one to tell
    cuda_context_close(*context, &second);
    *context = nullptr;
  }
  return status;
}

int32_t cuda_context_close(AmalgamContext* context, AmalgamFailure* failure) {
  const AmalgamContext parts = *context;
  delete context;
  CUDA_TRY(cudaSetDevice(parts.device));
  if (parts.cublas_handle != nullptr) CUBLAS_TRY(parts.cublas->destroy(parts.cublas_handle));
  CUDA_TRY(cudaFree(parts.workspace));
  if (parts.stream != nullptr) CUDA_TRY(cudaStreamDestroy(parts.stream));
  return 0;
}

int32_t cuda_wait(AmalgamContext* context, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaStreamSynchronize(context->stream));
  return 0;
}

int32_t cuda_memory_info(AmalgamContext* context, uint64_t* free_bytes, uint64_t* total_bytes,
                         AmalgamFailure* failure) {
  size_t free_now = 0;
  size_t total = 0;
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaMemGetInfo(&free_now, &total));
  *free_bytes = free_now;
  *total_bytes = total;
  return 0;
}

int32_t cuda_allocate_pinned(AmalgamContext* context, uint64_t bytes, void** host_memory, AmalgamFailure* failure) {
  *host_memory = nullptr;
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaMallocHost(host_memory, bytes));
  return 0;
}

int32_t cuda_release_pinned(AmalgamContext* context, void* host_memory, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaFreeHost(host_memory));
  return 0;
}

int32_t cuda_copy_in(AmalgamContext* context, void* device_target, const void* source, uint64_t bytes,
                     AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaMemcpyAsync(device_target, source, bytes, cudaMemcpyHostToDevice, context->stream));
  return 0;
}

int32_t cuda_copy_out(AmalgamContext* context, void* target, const void* device_source, uint64_t bytes,
                      AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaMemcpyAsync(target, device_source, bytes, cudaMemcpyDeviceToHost, context->stream));
  return 0;
}

int32_t cuda_fill_zero(AmalgamContext* context, void* device_memory, uint64_t bytes, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaMemsetAsync(device_memory, 0, bytes, context->stream));
  return 0;
}
