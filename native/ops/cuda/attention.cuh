// What both attention kernels share; see ops/backend.h.
#pragma once

#include "ops/cuda/numbers.cuh"

/// The arrays of an attention operator as kernels read them. Strides count numbers.
struct AttentionArrays {
  const Bf16* q;
  const Bf16* k;
  const Bf16* v;
  const Bf16* cached_keys;
  const Bf16* cached_values;
  Bf16* out;
  int64_t q_stride, k_stride, v_stride, cached_key_stride, cached_value_stride, out_stride;
  int64_t cache_positions;
  int heads;
  int kv_heads;
  int head_dim;
  int64_t window;
  const AmalgamSequence* sequences;
  float scale;     ///< of the scores, times log2(e): exponentials are powers of two
  bool by_eights;  ///< heads can be read and written eight numbers at a time
};

AttentionArrays attention_arrays(const AmalgamAttention& attention);

/// The row of the key at `position` of a sequence, and of its value: in the cache, or one of the batch.
__device__ inline const Bf16* key_row(const AttentionArrays& arrays, const AmalgamSequence& sequence, int64_t position) {
  if (position < sequence.past) {
    return arrays.cached_keys + (sequence.slot * arrays.cache_positions + position) * arrays.cached_key_stride;
  }
  return arrays.k + (sequence.first + position - sequence.past) * arrays.k_stride;
}
__device__ inline const Bf16* value_row(const AttentionArrays& arrays, const AmalgamSequence& sequence,
                                        int64_t position) {
  if (position < sequence.past) {
    return arrays.cached_values + (sequence.slot * arrays.cache_positions + position) * arrays.cached_value_stride;
  }
  return arrays.v + (sequence.first + position - sequence.past) * arrays.v_stride;
}

/// The eight numbers of a head from `col` on, zeros beyond its end.
__device__ inline void load_eight(const AttentionArrays& arrays, const Bf16* head, int col, float (&numbers)[8]) {
  if (arrays.by_eights) {
    load_numbers<8>(head + col, numbers);
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) numbers[i] = col + i < arrays.head_dim ? __bfloat162float(head[col + i]) : 0.0f;
}

/// The first key that the query at `position` sees.
__device__ inline int64_t first_key(const AttentionArrays& arrays, int64_t position) {
  return arrays.window > 0 && position >= arrays.window ? position - arrays.window + 1 : 0;
}
