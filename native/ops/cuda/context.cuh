// What a context of the table is made of; see ops/backend.h.
#pragma once

#include <cuda_runtime.h>

#include "ops/backend.h"

struct AmalgamContext {
  int32_t device = 0;
  cudaStream_t stream = nullptr;
  const AmalgamCublas* cublas = nullptr;  // null when the kernel of our own makes the products
  void* cublas_handle = nullptr;
  void* workspace = nullptr;  // of cuBLAS; its own would be allocated in the middle of work
};

int32_t cuda_context_open(int32_t device, const AmalgamCublas* cublas, AmalgamContext** context,
                          AmalgamFailure* failure);
int32_t cuda_context_close(AmalgamContext* context, AmalgamFailure* failure);
int32_t cuda_wait(AmalgamContext* context, AmalgamFailure* failure);
int32_t cuda_memory_info(AmalgamContext* context, uint64_t* free_bytes, uint64_t* total_bytes, AmalgamFailure* failure);
int32_t cuda_allocate_pinned(AmalgamContext* context, uint64_t bytes, void** host_memory, AmalgamFailure* failure);
int32_t cuda_release_pinned(AmalgamContext* context, void* host_memory, AmalgamFailure* failure);
int32_t cuda_copy_in(AmalgamContext* context, void* device_target, const void* source, uint64_t bytes,
                     AmalgamFailure* failure);
int32_t cuda_copy_out(AmalgamContext* context, void* target, const void* device_source, uint64_t bytes,
                      AmalgamFailure* failure);
int32_t cuda_fill_zero(AmalgamContext* context, void* device_memory, uint64_t bytes, AmalgamFailure* failure);
