// softmax(q k^T / sqrt(head_dim)) v block by block with running maxima and sums (Dao 2023), so that scores never leave the
// registers.
#include <cmath>

#include "ops/cuda/attention.cuh"
#include "ops/cuda/attention_tiles.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"

AttentionArrays attention_arrays(const AmalgamAttention& attention) {
  constexpr float log2_e = 1.44269504f;
  return {bf16_data(attention.q),
          bf16_data(attention.k),
          bf16_data(attention.v),
          bf16_data(attention.cached_keys),
          bf16_data(attention.cached_values),
          bf16_data(attention.out),
          attention.q.stride,
          attention.k.stride,
          attention.v.stride,
          attention.cached_keys.stride,
          attention.cached_values.stride,
          attention.out.stride,
          attention.cache_positions,
          static_cast<int>(attention.heads),
          static_cast<int>(attention.kv_heads),
          static_cast<int>(attention.head_dim),
          attention.window,
          attention.device_sequences,
          log2_e / std::sqrt(static_cast<float>(attention.head_dim)),
          attention.head_dim % 8 == 0 && in_eights(attention.q) && in_eights(attention.k) && in_eights(attention.v) &&
              in_eights(attention.cached_keys) && in_eights(attention.cached_values) && in_eights(attention.out)};
}

namespace {

constexpr int query_rows = AMALGAM_ATTENTION_ROWS;  // four warps with 16 each
constexpr int block_threads = 128;

/// Sizes for heads of up to `depth` numbers; narrower ones are filled up with zeros.
template <int depth>
struct Sizes {
  static constexpr int keys = depth <= 128 ? 64 : 32;  ///< keys of a step
  static constexpr int stride = tile_stride<depth>;
  static constexpr int tile_numbers = keys * stride;
  static constexpr int stage_numbers = 2 * tile_numbers;  ///< keys, then values
  static constexpr size_t shared_bytes = sizeof(Bf16) * (query_rows * stride + 2 * stage_numbers);
  static constexpr int key_fragments = keys / 8;
  static constexpr int depth_fragments = depth / 8;
};

/// One warp's 16 rows of the result so far. The lane has two rows: l / 4 and 8 more.
template <int depth>
struct RunningRows {
  float sums[Sizes<depth>::depth_fragments][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};  ///< scores seen so far, times log2(e)
  float total[2] = {0.0f, 0.0f};              ///< of the exponentials, this lane's columns only
};

template <int depth>
__device__ void load_keys(const AttentionArrays& arrays, const AmalgamSequence& sequence, int64_t first, int64_t end,
                          int kv_head, Bf16* stage) {
  using S = Sizes<depth>;
  constexpr int groups = depth / 8;
  for (int group = threadIdx.x; group < S::keys * groups; group += block_threads) {
    const int64_t position = first + group / groups;
    const int col = group % groups * 8;
    const bool inside = position < end;
    const int64_t offset = static_cast<int64_t>(kv_head) * arrays.head_dim;
    Bf16* const to = stage + group / groups * S::stride + col;
    copy_eight(arrays, to, key_row(arrays, sequence, position) + offset, col, inside);
    copy_eight(arrays, to + S::tile_numbers, value_row(arrays, sequence, position) + offset, col, inside);
  }
}

/// Takes out the scores of keys that the row does not see.
template <int depth>
__device__ void mask(const AttentionArrays& arrays, int64_t first_position, int64_t first,
                     float (&scores)[Sizes<depth>::key_fragments][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < Sizes<depth>::key_fragments; ++j) {
#pragma unroll
    for (int element = 0; element < 4; ++element) {
      const int64_t query = first_position + lane / 4 + element / 2 * 8;
      const int64_t key = first + j * 8 + lane % 4 * 2 + element % 2;
      if (key > query || key < first_key(arrays, query)) scores[j][element] = -INFINITY;
    }
  }
}

/// Turns scores into exponentials against the new largest score, and scales what was summed against the old one.
template <int depth>
__device__ void exponentiate(float scale, float (&scores)[Sizes<depth>::key_fragments][4], RunningRows<depth>& rows) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float largest = rows.largest[half];
#pragma unroll
    for (int j = 0; j < Sizes<depth>::key_fragments; ++j) {
      largest = fmaxf(largest, fmaxf(scores[j][2 * half], scores[j][2 * half + 1]) * scale);
    }
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
    // A row that has seen no key yet: nothing may be subtracted from -infinity.
    const float reference = largest == -INFINITY ? 0.0f : largest;
    const float shrink = exp2f(rows.largest[half] - reference);
    rows.largest[half] = largest;
    rows.total[half] *= shrink;
#pragma unroll
    for (int n = 0; n < Sizes<depth>::depth_fragments; ++n) {
      rows.sums[n][2 * half] *= shrink;
      rows.sums[n][2 * half + 1] *= shrink;
    }
#pragma unroll
    for (int j = 0; j < Sizes<depth>::key_fragments; ++j) {
#pragma unroll
      for (int element = 2 * half; element < 2 * half + 2; ++element) {
        scores[j][element] = exp2f(scores[j][element] * scale - reference);
        rows.total[half] += scores[j][element];
      }
    }
  }
}

/// Divides by the totals of the rows, which the four lanes of a row have in parts.
template <int depth>
__device__ void finish_rows(const AttentionArrays& arrays, const AmalgamSequence& sequence, int64_t first_row, int head,
                            const RunningRows<depth>& rows) {
  float totals[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    totals[half] = rows.total[half];
    totals[half] += __shfl_xor_sync(0xffffffffu, totals[half], 1);
    totals[half] += __shfl_xor_sync(0xffffffffu, totals[half], 2);
  }
  Bf16* const out = arrays.out + sequence.first * arrays.out_stride + static_cast<int64_t>(head) * arrays.head_dim;
  write_rows<depth>(arrays, out, arrays.out_stride, first_row, sequence.rows, rows.sums, totals);
}

// Grid: tiles of query rows x heads. While a step's keys are used, the next ones are on their way.
template <int depth>
__global__ void __launch_bounds__(block_threads) prefill_kernel(AttentionArrays arrays, const AmalgamTile* tiles) {
  using S = Sizes<depth>;
  Bf16* const queries = reinterpret_cast<Bf16*>(dynamic_shared());
  Bf16* const stage_memory = queries + query_rows * S::stride;
  const AmalgamTile tile = tiles[blockIdx.x];
  const AmalgamSequence sequence = arrays.sequences[tile.sequence];
  const int head = blockIdx.y;
  const int kv_head = head / (arrays.heads / arrays.kv_heads);
  const int64_t block_row = static_cast<int64_t>(tile.tile) * query_rows;
  const int64_t rows_end = block_row + query_rows < sequence.rows ? block_row + query_rows : sequence.rows;
  const int64_t keys_end = sequence.past + rows_end;
  const int64_t keys_first = first_key(arrays, sequence.past + block_row) / S::keys * S::keys;
  const int warp_row = threadIdx.x / 32 * 16;
  const int64_t first_position = sequence.past + block_row + warp_row;

  const Bf16* const own_head = arrays.q + sequence.first * arrays.q_stride + static_cast<int64_t>(head) * arrays.head_dim;
  load_tile<depth, query_rows>(arrays, queries, own_head, arrays.q_stride, block_row, sequence.rows);
  end_group();
  wait_for_groups<0>();
  __syncthreads();
  unsigned query_fragments[depth / 16][4];
  load_left_rows<depth>(query_fragments, queries + warp_row * S::stride);

  RunningRows<depth> rows;
  const auto load = [&](int64_t first, int stage) {
    load_keys<depth>(arrays, sequence, first, keys_end, kv_head, stage_memory + stage * S::stage_numbers);
  };
  walk_in_stages<S::keys>(keys_first, keys_end, load, [&](int64_t first, int stage) {
    const Bf16* const keys = stage_memory + stage * S::stage_numbers;
    float scores[S::key_fragments][4] = {};
    multiply_rows<depth, S::key_fragments>(query_fragments, keys, scores);
    const bool all_seen = first + S::keys - 1 <= sequence.past + block_row &&
                          first >= first_key(arrays, sequence.past + block_row + query_rows - 1);
    if (!all_seen) mask<depth>(arrays, first_position, first, scores);
    exponentiate<depth>(arrays.scale, scores, rows);
    add_rows<depth, S::key_fragments>(scores, keys + S::tile_numbers, rows.sums);
  });
  finish_rows<depth>(arrays, sequence, block_row + warp_row, head, rows);
}

template <int depth>
int32_t start(AmalgamContext* context, const AmalgamAttention& attention, const AmalgamTile* tiles, int64_t count,
              AmalgamFailure* failure) {
  const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(attention.heads));
  return launch(context, prefill_kernel<depth>, grid, block_threads, Sizes<depth>::shared_bytes, failure,
                attention_arrays(attention), tiles);
}

}  // namespace

int32_t cuda_attention_prefill(AmalgamContext* context, const AmalgamAttention* attention,
                               const AmalgamTile* device_tiles, int64_t tiles, AmalgamFailure* failure) {
  const auto start_for = [&] {
    if (attention->head_dim <= 16) return start<16>;
    if (attention->head_dim <= 32) return start<32>;
    if (attention->head_dim <= 64) return start<64>;
    if (attention->head_dim <= 128) return start<128>;
    return start<256>;
  };
  return start_for()(context, *attention, device_tiles, tiles, failure);
}
