// softmax(q k^T / sqrt(head_dim)) v block by block with running maxima and sums (Dao 2023), so that scores never leave the
// registers.
#include <cmath>

#include "ops/cuda/attention.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/tensor_cores.cuh"

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
  static constexpr int stride = depth + 8;             ///< shared rows: eight of them meet no bank twice
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

/// Brings eight numbers of a head from `col` on into shared memory, zeros where there are none.
__device__ void copy_eight(const AttentionArrays& arrays, Bf16* to, const Bf16* head, int col, bool inside) {
  if (arrays.by_eights) {
    const bool filled = inside && col < arrays.head_dim;
    begin_copy(to, filled ? head + col : arrays.q, filled);
    return;
  }
  for (int i = 0; i < 8; ++i) {
    to[i] = inside && col + i < arrays.head_dim ? head[col + i] : __float2bfloat16_rn(0.0f);
  }
}

template <int depth>
__device__ void load_queries(const AttentionArrays& arrays, const AmalgamSequence& sequence, int64_t first_row,
                             int head, Bf16* shared) {
  constexpr int groups = depth / 8;
  for (int group = threadIdx.x; group < query_rows * groups; group += block_threads) {
    const int64_t row = first_row + group / groups;
    const int col = group % groups * 8;
    const Bf16* const from = arrays.q + (sequence.first + row) * arrays.q_stride + head * arrays.head_dim;
    copy_eight(arrays, shared + group / groups * Sizes<depth>::stride + col, from, col, row < sequence.rows);
  }
}

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

/// Scores of the warp's 16 rows with the keys of a stage.
template <int depth>
__device__ void score(const unsigned (&queries)[depth / 16][4], const Bf16* keys,
                      float (&scores)[Sizes<depth>::key_fragments][4]) {
  using S = Sizes<depth>;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < depth / 16; ++k) {
#pragma unroll
    for (int j = 0; j < S::key_fragments; j += 2) {
      unsigned b[4];
      load_matrices(b, keys + (j * 8 + lane / 16 * 8 + lane % 8) * S::stride + k * 16 + lane / 8 % 2 * 8);
      multiply_add(scores[j], queries[k], b[0], b[1]);
      multiply_add(scores[j + 1], queries[k], b[2], b[3]);
    }
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

template <int depth>
__device__ void add_values(const float (&scores)[Sizes<depth>::key_fragments][4], const Bf16* values,
                           RunningRows<depth>& rows) {
  using S = Sizes<depth>;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < S::keys / 16; ++k) {
    const float(&low)[4] = scores[2 * k];
    const float(&high)[4] = scores[2 * k + 1];
    const unsigned a[4] = {pack_two(low[0], low[1]), pack_two(low[2], low[3]), pack_two(high[0], high[1]),
                           pack_two(high[2], high[3])};
#pragma unroll
    for (int n = 0; n < S::depth_fragments; n += 2) {
      unsigned b[4];
      load_matrices_transposed(b, values + (k * 16 + lane % 16) * S::stride + n * 8 + lane / 16 * 8);
      multiply_add(rows.sums[n], a, b[0], b[1]);
      multiply_add(rows.sums[n + 1], a, b[2], b[3]);
    }
  }
}

template <int depth>
__device__ void write_rows(const AttentionArrays& arrays, const AmalgamSequence& sequence, int64_t first_row, int head,
                           RunningRows<depth>& rows) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float total = rows.total[half];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const int64_t row = first_row + lane / 4 + half * 8;
    if (row >= sequence.rows) continue;
    Bf16* const out = arrays.out + (sequence.first + row) * arrays.out_stride + head * arrays.head_dim;
#pragma unroll
    for (int n = 0; n < Sizes<depth>::depth_fragments; ++n) {
      const int col = n * 8 + lane % 4 * 2;
      const float low = rows.sums[n][2 * half] / total;
      const float high = rows.sums[n][2 * half + 1] / total;
      if (arrays.by_eights) {
        if (col < arrays.head_dim) *reinterpret_cast<unsigned*>(out + col) = pack_two(low, high);
        continue;
      }
      if (col < arrays.head_dim) out[col] = __float2bfloat16_rn(low);
      if (col + 1 < arrays.head_dim) out[col + 1] = __float2bfloat16_rn(high);
    }
  }
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
  const int lane = threadIdx.x % 32;
  const int64_t first_position = sequence.past + block_row + warp_row;

  load_queries<depth>(arrays, sequence, block_row, head, queries);
  end_group();
  load_keys<depth>(arrays, sequence, keys_first, keys_end, kv_head, stage_memory);
  end_group();
  wait_for_groups<1>();
  __syncthreads();
  unsigned query_fragments[depth / 16][4];
#pragma unroll
  for (int k = 0; k < depth / 16; ++k) {
    load_matrices(query_fragments[k], queries + (warp_row + lane % 16) * S::stride + k * 16 + lane / 16 * 8);
  }

  RunningRows<depth> rows;
  int stage = 0;
  for (int64_t first = keys_first; first < keys_end; first += S::keys) {
    if (first + S::keys < keys_end) {
      load_keys<depth>(arrays, sequence, first + S::keys, keys_end, kv_head,
                       stage_memory + (1 - stage) * S::stage_numbers);
    }
    end_group();
    wait_for_groups<1>();
    __syncthreads();
    const Bf16* const keys = stage_memory + stage * S::stage_numbers;
    float scores[S::key_fragments][4] = {};
    score<depth>(query_fragments, keys, scores);
    const bool all_seen = first + S::keys - 1 <= sequence.past + block_row &&
                          first >= first_key(arrays, sequence.past + block_row + query_rows - 1);
    if (!all_seen) mask<depth>(arrays, first_position, first, scores);
    exponentiate<depth>(arrays.scale, scores, rows);
    add_values<depth>(scores, keys + S::tile_numbers, rows);
    __syncthreads();  // before the stage is filled again
    stage = 1 - stage;
  }
  write_rows<depth>(arrays, sequence, block_row + warp_row, head, rows);
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
