// What the two kernels of attention's gradients share; see attention_back.cu.
#pragma once

#include "ops/cuda/attention_tiles.cuh"

constexpr int back_tile_rows = AMALGAM_ATTENTION_ROWS;  // four warps with 16 each
constexpr int back_threads = 128;

/// Strides count numbers.
struct BackArrays {
  const Bf16* q;
  const Bf16* k;
  const Bf16* v;
  const Bf16* out;
  const Bf16* d_out;
  Bf16* d_q;
  Bf16* d_k;
  Bf16* d_v;
  int64_t q_stride, k_stride, v_stride, out_stride, d_out_stride, d_q_stride, d_k_stride, d_v_stride;
  int heads;
  int kv_heads;
  int head_dim;
  int64_t window;
  const AmalgamSequence* sequences;
  int64_t rows;       ///< of q
  float* log_sums;    ///< heads x rows: of the exponentials of the scores, all to base 2
  float* deltas;      ///< heads x rows: rowsum(g . o)
  float root;         ///< of head_dim
  float scale;        ///< of the scores, times log2(e): exponentials are powers of two
  bool by_eights;     ///< heads can be read and written eight numbers at a time
};

template <int depth>
struct BackSizes {
  static constexpr int step = depth <= 128 ? 32 : 16;  ///< keys or queries of a step
  static constexpr int fragments = step / 8;
  static constexpr int tile_numbers = back_tile_rows * tile_stride<depth>;
  static constexpr int step_numbers = step * tile_stride<depth>;
  /// Two tiles that stay and two stages of two steps each, then the facts about rows.
  static constexpr int fact_place = 2 * tile_numbers + 4 * step_numbers;
  static constexpr int facts = back_tile_rows > 4 * step ? back_tile_rows : 4 * step;
  static constexpr size_t shared_bytes = sizeof(Bf16) * fact_place + sizeof(float) * facts;
};

/// The row that the lane has at an element of its warp's sums, counted from the warp's first; and the column.
__device__ inline int row_of(int element) { return static_cast<int>(threadIdx.x) % 32 / 4 + element / 2 * 8; }
__device__ inline int column_of(int fragment, int element) {
  return fragment * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + element % 2;
}

__device__ inline bool is_seen(const BackArrays& arrays, int64_t query, int64_t key) {
  return key <= query && (arrays.window == 0 || query - key < arrays.window);
}

/// Whether each of the queries sees each of the keys.
__device__ inline bool are_seen(const BackArrays& arrays, int64_t query, int queries, int64_t key, int keys) {
  return key + keys - 1 <= query && (arrays.window == 0 || query + queries - 1 - key < arrays.window);
}

/// d_q, and the log-sum-exps and deltas of all rows: the first half of cuda_attention_back.
int32_t start_attention_back_queries(AmalgamContext* context, const BackArrays& arrays, const AmalgamTile* device_tiles,
                                     int64_t tiles, AmalgamFailure* failure);
