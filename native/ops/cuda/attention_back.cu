// Gradients of softmax(q k^T / sqrt(head_dim)) v, tile by tile (Dao 2023). With p the softmax, o the output and g its gradient:
// d_v = p^T g; d_p = g v^T; d_s = p . (d_p - rowsum(g . o)); d_q = d_s k / sqrt(head_dim); d_k = d_s^T q / sqrt(head_dim).
// One kernel goes through the keys of a tile of query rows, first for the rows' log-sum-exps, then for d_q; the other through
// the queries of a tile of keys for d_k and d_v. Nothing is added by two blocks, so that a run repeats to the bit.
#include <cmath>

#include "ops/cuda/attention_tiles.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int tile_rows = AMALGAM_ATTENTION_ROWS;  // four warps with 16 each
constexpr int block_threads = 128;

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
struct Sizes {
  static constexpr int step = depth <= 128 ? 32 : 16;  ///< keys or queries of a step
  static constexpr int fragments = step / 8;
  static constexpr int tile_numbers = tile_rows * tile_stride<depth>;
  static constexpr int step_numbers = step * tile_stride<depth>;
  /// Two tiles that stay and two stages of two steps each, then the facts about rows.
  static constexpr int fact_place = 2 * tile_numbers + 4 * step_numbers;
  static constexpr int facts = tile_rows > 4 * step ? tile_rows : 4 * step;
  static constexpr size_t shared_bytes = sizeof(Bf16) * fact_place + sizeof(float) * facts;
};

/// The row that the lane has at an element of its warp's sums, counted from the warp's first; and the column.
__device__ int row_of(int element) { return static_cast<int>(threadIdx.x) % 32 / 4 + element / 2 * 8; }
__device__ int column_of(int fragment, int element) {
  return fragment * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + element % 2;
}

__device__ bool is_seen(const BackArrays& arrays, int64_t query, int64_t key) {
  return key <= query && (arrays.window == 0 || query - key < arrays.window);
}

/// Whether each of the queries sees each of the keys.
__device__ bool are_seen(const BackArrays& arrays, int64_t query, int queries, int64_t key, int keys) {
  return key + keys - 1 <= query && (arrays.window == 0 || query + queries - 1 - key < arrays.window);
}

/// What is known of the two rows of a lane.
struct LaneRows {
  float log_sums[2];
  float deltas[2];
};

/// The log-sum-exps of the warp's rows of queries, from `first_row` on, with the keys from `keys_first` to `keys_end`.
template <int depth>
__device__ void find_log_sums(const BackArrays& arrays, const Bf16* queries, const Bf16* key_head, Bf16* stages,
                              int64_t first_row, int64_t block_row, int64_t keys_first, int64_t keys_end,
                              LaneRows& rows) {
  using S = Sizes<depth>;
  float largest[2] = {-INFINITY, -INFINITY};
  float totals[2] = {0.0f, 0.0f};
  const auto load = [&](int64_t at, int stage) {
    load_tile<depth, S::step>(arrays, stages + 2 * stage * S::step_numbers, key_head, arrays.k_stride, at, keys_end);
  };
  walk_in_stages<S::step>(keys_first, keys_end, load, [&](int64_t at, int stage) {
    float scores[S::fragments][4] = {};
    multiply_tiles<depth, S::fragments>(queries, stages + 2 * stage * S::step_numbers, scores);
    const bool all_seen = are_seen(arrays, block_row, tile_rows, at, S::step);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float bound = largest[half];
#pragma unroll
      for (int j = 0; j < S::fragments; ++j) {
#pragma unroll
        for (int element = 2 * half; element < 2 * half + 2; ++element) {
          const bool seen = all_seen || is_seen(arrays, first_row + row_of(element), at + column_of(j, element));
          scores[j][element] = seen ? scores[j][element] * arrays.scale : -INFINITY;
          bound = fmaxf(bound, scores[j][element]);
        }
      }
      // A lane that has seen no key yet: nothing may be subtracted from -infinity.
      const float reference = bound == -INFINITY ? 0.0f : bound;
      totals[half] *= exp2f(largest[half] - reference);
      largest[half] = bound;
#pragma unroll
      for (int j = 0; j < S::fragments; ++j) {
        totals[half] += exp2f(scores[j][2 * half] - reference) + exp2f(scores[j][2 * half + 1] - reference);
      }
    }
  });
  // The four lanes of a row have every fourth pair of keys.
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float bound = fmaxf(largest[half], __shfl_xor_sync(whole_warp, largest[half], 1));
    bound = fmaxf(bound, __shfl_xor_sync(whole_warp, bound, 2));
    float total = bound == -INFINITY ? 0.0f : totals[half] * exp2f(largest[half] - bound);
    total += __shfl_xor_sync(whole_warp, total, 1);
    total += __shfl_xor_sync(whole_warp, total, 2);
    rows.log_sums[half] = bound + log2f(total);
  }
}

/// rowsum(g . o) of the block's rows into shared memory: each warp its 16.
template <int depth>
__device__ void find_deltas(const BackArrays& arrays, const Bf16* d_out_tile, const Bf16* out_head, int64_t block_row,
                            int64_t rows_end, float* deltas) {
  const int lane = threadIdx.x % 32;
  const int warp_row = threadIdx.x / 32 * 16;
  for (int i = warp_row; i < warp_row + 16; ++i) {
    float sum = 0.0f;
    for (int col = lane; col < arrays.head_dim && block_row + i < rows_end; col += 32) {
      sum += __bfloat162float(out_head[(block_row + i) * arrays.out_stride + col]) *
             __bfloat162float(d_out_tile[i * tile_stride<depth> + col]);
    }
    sum = sum_over_warp(sum);
    if (lane == 0) deltas[i] = sum;
  }
}

/// d_s of a step of keys, for the warp's rows, in the place of the scores.
template <int depth>
__device__ void score_gradients(const BackArrays& arrays, const LaneRows& rows, int64_t first_row, int64_t at,
                                bool all_seen, const float (&d_p)[Sizes<depth>::fragments][4],
                                float (&scores)[Sizes<depth>::fragments][4]) {
#pragma unroll
  for (int j = 0; j < Sizes<depth>::fragments; ++j) {
#pragma unroll
    for (int element = 0; element < 4; ++element) {
      const bool seen = all_seen || is_seen(arrays, first_row + row_of(element), at + column_of(j, element));
      const float p = seen ? exp2f(scores[j][element] * arrays.scale - rows.log_sums[element / 2]) : 0.0f;
      scores[j][element] = p * (d_p[j][element] - rows.deltas[element / 2]);
    }
  }
}

// Grid: tiles of query rows x heads. Leaves the rows' log-sum-exps and deltas for the other kernel.
template <int depth>
__global__ void __launch_bounds__(block_threads) query_back_kernel(BackArrays arrays, const AmalgamTile* tiles) {
  using S = Sizes<depth>;
  Bf16* const queries = reinterpret_cast<Bf16*>(dynamic_shared());
  Bf16* const d_outs = queries + S::tile_numbers;
  Bf16* const stages = d_outs + S::tile_numbers;
  float* const deltas = reinterpret_cast<float*>(queries + S::fact_place);
  const AmalgamTile tile = tiles[blockIdx.x];
  const AmalgamSequence sequence = arrays.sequences[tile.sequence];
  const int64_t head = blockIdx.y;
  const int64_t col = head * arrays.head_dim;
  const int64_t kv_col = head / (arrays.heads / arrays.kv_heads) * arrays.head_dim;
  const int64_t block_row = static_cast<int64_t>(tile.tile) * tile_rows;
  const int64_t rows_end = sequence.rows;
  const int64_t keys_end = block_row + tile_rows < rows_end ? block_row + tile_rows : rows_end;
  const int64_t first_seen = arrays.window > 0 && block_row >= arrays.window ? block_row - arrays.window + 1 : 0;
  const int64_t keys_first = first_seen / S::step * S::step;
  const Bf16* const key_head = arrays.k + sequence.first * arrays.k_stride + kv_col;
  const Bf16* const value_head = arrays.v + sequence.first * arrays.v_stride + kv_col;
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * 16;
  const int64_t first_row = block_row + warp_row;
  const Bf16* const own_queries = queries + warp_row * tile_stride<depth>;
  const Bf16* const own_d_outs = d_outs + warp_row * tile_stride<depth>;

  load_tile<depth, tile_rows>(arrays, queries, arrays.q + sequence.first * arrays.q_stride + col, arrays.q_stride,
                              block_row, rows_end);
  load_tile<depth, tile_rows>(arrays, d_outs, arrays.d_out + sequence.first * arrays.d_out_stride + col,
                              arrays.d_out_stride, block_row, rows_end);
  end_group();
  LaneRows rows;
  find_log_sums<depth>(arrays, own_queries, key_head, stages, first_row, block_row, keys_first, keys_end, rows);
  find_deltas<depth>(arrays, d_outs, arrays.out + sequence.first * arrays.out_stride + col, block_row, rows_end, deltas);
  __syncthreads();
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = warp_row + row_of(2 * half);
    rows.deltas[half] = deltas[row];
    if (threadIdx.x % 4 != 0 || block_row + row >= rows_end) continue;
    const int64_t place = head * arrays.rows + sequence.first + block_row + row;
    arrays.log_sums[place] = rows.log_sums[half];
    arrays.deltas[place] = rows.deltas[half];
  }

  float sums[depth / 8][4] = {};
  const auto load = [&](int64_t at, int stage) {
    Bf16* const keys = stages + 2 * stage * S::step_numbers;
    load_tile<depth, S::step>(arrays, keys, key_head, arrays.k_stride, at, keys_end);
    load_tile<depth, S::step>(arrays, keys + S::step_numbers, value_head, arrays.v_stride, at, keys_end);
  };
  walk_in_stages<S::step>(keys_first, keys_end, load, [&](int64_t at, int stage) {
    const Bf16* const keys = stages + 2 * stage * S::step_numbers;
    float scores[S::fragments][4] = {};
    float d_p[S::fragments][4] = {};
    multiply_tiles<depth, S::fragments>(own_queries, keys, scores);
    multiply_tiles<depth, S::fragments>(own_d_outs, keys + S::step_numbers, d_p);
    const bool all_seen = are_seen(arrays, block_row, tile_rows, at, S::step);
    score_gradients<depth>(arrays, rows, first_row, at, all_seen, d_p, scores);
    add_rows<depth, S::fragments>(scores, keys, sums);
  });
  const float divisors[2] = {arrays.root, arrays.root};
  write_rows<depth>(arrays, arrays.d_q + sequence.first * arrays.d_q_stride + col, arrays.d_q_stride, first_row,
                    rows_end, sums, divisors);
}

/// A block of the other kernel: a tile of keys, and where its queries are.
template <int depth>
struct KeyBlock {
  const BackArrays& arrays;
  AmalgamSequence sequence;
  int64_t first_key;
  int64_t queries_end;
  Bf16* keys;
  Bf16* values;
  Bf16* stages;
  float* facts;  ///< for each stage the log-sum-exps, then the deltas of its queries
};

/// Adds what the queries of one head bring. Scores lie transposed: keys down, queries across.
template <int depth, bool makes_keys, bool makes_values>
__device__ void add_head(const KeyBlock<depth>& block, int64_t head, float (&key_sums)[depth / 8][4],
                         float (&value_sums)[depth / 8][4]) {
  using S = Sizes<depth>;
  const BackArrays& arrays = block.arrays;
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * 16;
  const int64_t col = head * arrays.head_dim;
  const int64_t fact_row = head * arrays.rows + block.sequence.first;
  const Bf16* const query_head = arrays.q + block.sequence.first * arrays.q_stride + col;
  const Bf16* const d_out_head = arrays.d_out + block.sequence.first * arrays.d_out_stride + col;
  const auto load = [&](int64_t at, int stage) {
    Bf16* const queries = block.stages + 2 * stage * S::step_numbers;
    load_tile<depth, S::step>(arrays, queries, query_head, arrays.q_stride, at, block.queries_end);
    load_tile<depth, S::step>(arrays, queries + S::step_numbers, d_out_head, arrays.d_out_stride, at,
                              block.queries_end);
    if (threadIdx.x >= S::step) return;
    const int64_t query = at + threadIdx.x;
    const bool inside = query < block.queries_end;
    float* const facts = block.facts + 2 * stage * S::step + threadIdx.x;
    facts[0] = inside ? arrays.log_sums[fact_row + query] : INFINITY;  // of no row: its exponentials become 0
    facts[S::step] = inside ? arrays.deltas[fact_row + query] : 0.0f;
  };
  walk_in_stages<S::step>(block.first_key, block.queries_end, load, [&](int64_t at, int stage) {
    const Bf16* const queries = block.stages + 2 * stage * S::step_numbers;
    const Bf16* const d_outs = queries + S::step_numbers;
    const float* const facts = block.facts + 2 * stage * S::step;
    float p[S::fragments][4] = {};
    multiply_tiles<depth, S::fragments>(block.keys + warp_row * tile_stride<depth>, queries, p);
    const bool all_seen = are_seen(arrays, at, S::step, block.first_key, tile_rows);
#pragma unroll
    for (int j = 0; j < S::fragments; ++j) {
#pragma unroll
      for (int element = 0; element < 4; ++element) {
        const int query = column_of(j, element);
        const bool seen = all_seen || is_seen(arrays, at + query, block.first_key + warp_row + row_of(element));
        p[j][element] = seen ? exp2f(p[j][element] * arrays.scale - facts[query]) : 0.0f;
      }
    }
    if constexpr (makes_values) add_rows<depth, S::fragments>(p, d_outs, value_sums);
    if constexpr (makes_keys) {
      float d_p[S::fragments][4] = {};
      multiply_tiles<depth, S::fragments>(block.values + warp_row * tile_stride<depth>, d_outs, d_p);
#pragma unroll
      for (int j = 0; j < S::fragments; ++j) {
#pragma unroll
        for (int element = 0; element < 4; ++element) {
          p[j][element] *= d_p[j][element] - facts[S::step + column_of(j, element)];
        }
      }
      add_rows<depth, S::fragments>(p, queries, key_sums);
    }
  });
}

// Grid: tiles of keys, the last ones first, x key heads. A block adds up all query heads that share its key head.
template <int depth, bool makes_keys, bool makes_values>
__global__ void __launch_bounds__(block_threads) key_back_kernel(BackArrays arrays, const AmalgamTile* tiles) {
  using S = Sizes<depth>;
  Bf16* const keys = reinterpret_cast<Bf16*>(dynamic_shared());
  // The list has the late rows first, whose keys few queries see: from its end, the longest work comes first.
  const AmalgamTile tile = tiles[gridDim.x - 1 - blockIdx.x];
  const AmalgamSequence sequence = arrays.sequences[tile.sequence];
  const int64_t first_key = static_cast<int64_t>(tile.tile) * tile_rows;
  const int64_t last_key = (first_key + tile_rows < sequence.rows ? first_key + tile_rows : sequence.rows) - 1;
  const bool is_cut = arrays.window > 0 && last_key + arrays.window < sequence.rows;
  const KeyBlock<depth> block{arrays,
                              sequence,
                              first_key,
                              is_cut ? last_key + arrays.window : sequence.rows,
                              keys,
                              keys + S::tile_numbers,
                              keys + 2 * S::tile_numbers,
                              reinterpret_cast<float*>(keys + S::fact_place)};
  const int64_t kv_col = static_cast<int64_t>(blockIdx.y) * arrays.head_dim;
  load_tile<depth, tile_rows>(arrays, block.keys, arrays.k + sequence.first * arrays.k_stride + kv_col, arrays.k_stride,
                              first_key, sequence.rows);
  if constexpr (makes_keys) {
    load_tile<depth, tile_rows>(arrays, block.values, arrays.v + sequence.first * arrays.v_stride + kv_col,
                                arrays.v_stride, first_key, sequence.rows);
  }
  end_group();

  float key_sums[depth / 8][4] = {};
  float value_sums[depth / 8][4] = {};
  const int64_t heads_per_key = arrays.heads / arrays.kv_heads;
  for (int64_t head = blockIdx.y * heads_per_key; head < (blockIdx.y + 1) * heads_per_key; ++head) {
    add_head<depth, makes_keys, makes_values>(block, head, key_sums, value_sums);
  }
  const int64_t first_row = first_key + static_cast<int>(threadIdx.x) / 32 * 16;
  if constexpr (makes_keys) {
    const float divisors[2] = {arrays.root, arrays.root};
    write_rows<depth>(arrays, arrays.d_k + sequence.first * arrays.d_k_stride + kv_col, arrays.d_k_stride, first_row,
                      sequence.rows, key_sums, divisors);
  }
  if constexpr (makes_values) {
    const float divisors[2] = {1.0f, 1.0f};
    write_rows<depth>(arrays, arrays.d_v + sequence.first * arrays.d_v_stride + kv_col, arrays.d_v_stride, first_row,
                      sequence.rows, value_sums, divisors);
  }
}

BackArrays back_arrays(const AmalgamAttentionBack& back) {
  constexpr float log2_e = 1.44269504f;
  const float root = std::sqrt(static_cast<float>(back.head_dim));
  bool by_eights = back.head_dim % 8 == 0;
  for (const AmalgamArray* array : {&back.q, &back.k, &back.v, &back.out, &back.d_out, &back.d_q, &back.d_k, &back.d_v}) {
    by_eights = by_eights && in_eights(*array);
  }
  return {bf16_data(back.q),
          bf16_data(back.k),
          bf16_data(back.v),
          bf16_data(back.out),
          bf16_data(back.d_out),
          bf16_data(back.d_q),
          bf16_data(back.d_k),
          bf16_data(back.d_v),
          back.q.stride,
          back.k.stride,
          back.v.stride,
          back.out.stride,
          back.d_out.stride,
          back.d_q.stride,
          back.d_k.stride,
          back.d_v.stride,
          static_cast<int>(back.heads),
          static_cast<int>(back.kv_heads),
          static_cast<int>(back.head_dim),
          back.window,
          back.device_sequences,
          back.q.rows,
          back.device_row_facts,
          back.device_row_facts + back.heads * back.q.rows,
          root,
          log2_e / root,
          by_eights};
}

template <int depth>
int32_t start(AmalgamContext* context, const AmalgamAttentionBack& back, const AmalgamTile* tiles, int64_t count,
              AmalgamFailure* failure) {
  const BackArrays arrays = back_arrays(back);
  const auto run = [&](auto* kernel, int64_t heads) {
    const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(heads));
    return launch(context, kernel, grid, block_threads, Sizes<depth>::shared_bytes, failure, arrays, tiles);
  };
  int32_t status = run(query_back_kernel<depth>, back.heads);
  if (status != 0) return status;
  if constexpr (depth <= 128) {
    return run(key_back_kernel<depth, true, true>, back.kv_heads);
  } else {
    // The sums of both are more than the registers of a thread.
    status = run(key_back_kernel<depth, true, false>, back.kv_heads);
    return status != 0 ? status : run(key_back_kernel<depth, false, true>, back.kv_heads);
  }
}

}  // namespace

int32_t cuda_attention_back(AmalgamContext* context, const AmalgamAttentionBack* back, const AmalgamTile* device_tiles,
                            int64_t tiles, AmalgamFailure* failure) {
  const auto start_for = [&] {
    if (back->head_dim <= 16) return start<16>;
    if (back->head_dim <= 32) return start<32>;
    if (back->head_dim <= 64) return start<64>;
    if (back->head_dim <= 128) return start<128>;
    return start<256>;
  };
  return start_for()(context, *back, device_tiles, tiles, failure);
}
