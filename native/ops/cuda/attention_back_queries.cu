// The half of attention's gradients that goes through the keys of a tile of query rows: first for the rows' log-sum-exps,
// then for d_q. See attention_back.cu.
#include <cmath>

#include "ops/cuda/attention_back.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

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
  using S = BackSizes<depth>;
  float largest[2] = {-INFINITY, -INFINITY};
  float totals[2] = {0.0f, 0.0f};
  const auto load = [&](int64_t at, int stage) {
    load_tile<depth, S::step>(arrays, stages + 2 * stage * S::step_numbers, key_head, arrays.k_stride, at, keys_end);
  };
  walk_in_stages<S::step>(keys_first, keys_end, load, [&](int64_t at, int stage) {
    float scores[S::fragments][4] = {};
    multiply_tiles<depth, S::fragments>(queries, stages + 2 * stage * S::step_numbers, scores);
    const bool all_seen = are_seen(arrays, block_row, back_tile_rows, at, S::step);
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
                                bool all_seen, const float (&d_p)[BackSizes<depth>::fragments][4],
                                float (&scores)[BackSizes<depth>::fragments][4]) {
#pragma unroll
  for (int j = 0; j < BackSizes<depth>::fragments; ++j) {
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
__global__ void __launch_bounds__(back_threads) query_back_kernel(BackArrays arrays, const AmalgamTile* tiles) {
  using S = BackSizes<depth>;
  Bf16* const queries = reinterpret_cast<Bf16*>(dynamic_shared());
  Bf16* const d_outs = queries + S::tile_numbers;
  Bf16* const stages = d_outs + S::tile_numbers;
  float* const deltas = reinterpret_cast<float*>(queries + S::fact_place);
  const AmalgamTile tile = tiles[blockIdx.x];
  const AmalgamSequence sequence = arrays.sequences[tile.sequence];
  const int64_t head = blockIdx.y;
  const int64_t col = head * arrays.head_dim;
  const int64_t kv_col = head / (arrays.heads / arrays.kv_heads) * arrays.head_dim;
  const int64_t block_row = static_cast<int64_t>(tile.tile) * back_tile_rows;
  const int64_t rows_end = sequence.rows;
  const int64_t keys_end = block_row + back_tile_rows < rows_end ? block_row + back_tile_rows : rows_end;
  const int64_t first_seen = arrays.window > 0 && block_row >= arrays.window ? block_row - arrays.window + 1 : 0;
  const int64_t keys_first = first_seen / S::step * S::step;
  const Bf16* const key_head = arrays.k + sequence.first * arrays.k_stride + kv_col;
  const Bf16* const value_head = arrays.v + sequence.first * arrays.v_stride + kv_col;
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * 16;
  const int64_t first_row = block_row + warp_row;
  const Bf16* const own_queries = queries + warp_row * tile_stride<depth>;
  const Bf16* const own_d_outs = d_outs + warp_row * tile_stride<depth>;

  load_tile<depth, back_tile_rows>(arrays, queries, arrays.q + sequence.first * arrays.q_stride + col, arrays.q_stride,
                              block_row, rows_end);
  load_tile<depth, back_tile_rows>(arrays, d_outs, arrays.d_out + sequence.first * arrays.d_out_stride + col,
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
    const bool all_seen = are_seen(arrays, block_row, back_tile_rows, at, S::step);
    score_gradients<depth>(arrays, rows, first_row, at, all_seen, d_p, scores);
    add_rows<depth, S::fragments>(scores, keys, sums);
  });
  const float divisors[2] = {arrays.root, arrays.root};
  write_rows<depth>(arrays, arrays.d_q + sequence.first * arrays.d_q_stride + col, arrays.d_q_stride, first_row,
                    rows_end, sums, divisors);
}

template <int depth>
int32_t start(AmalgamContext* context, const BackArrays& arrays, const AmalgamTile* tiles, int64_t count,
              AmalgamFailure* failure) {
  const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(arrays.heads));
  return launch(context, query_back_kernel<depth>, grid, back_threads, BackSizes<depth>::shared_bytes, failure, arrays,
                tiles);
}

}  // namespace

int32_t start_attention_back_queries(AmalgamContext* context, const BackArrays& arrays, const AmalgamTile* device_tiles,
                                     int64_t tiles, AmalgamFailure* failure) {
  const auto start_for = [&] {
    if (arrays.head_dim <= 16) return start<16>;
    if (arrays.head_dim <= 32) return start<32>;
    if (arrays.head_dim <= 64) return start<64>;
    if (arrays.head_dim <= 128) return start<128>;
    return start<256>;
  };
  return start_for()(context, arrays, device_tiles, tiles, failure);
}
