// Gradients of softmax(q k^T / sqrt(head_dim)) v, tile by tile (Dao 2023). With p the softmax, o the output and g its
// gradient: d_v = p^T g; d_p = g v^T; d_s = p . (d_p - rowsum(g . o)); d_q = d_s k / sqrt(head_dim);
// d_k = d_s^T q / sqrt(head_dim). One kernel (attention_back_queries.cu) goes through the keys of a tile of query rows, the
// one here through the queries of a tile of keys. Nothing is added by two blocks, so that a run repeats to the bit.
#include <cmath>

#include "ops/cuda/attention_back.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"

namespace {

/// A block: a tile of keys, and where its queries are.
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
  using S = BackSizes<depth>;
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
    const bool all_seen = are_seen(arrays, at, S::step, block.first_key, back_tile_rows);
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
__global__ void __launch_bounds__(back_threads) key_back_kernel(BackArrays arrays, const AmalgamTile* tiles) {
  using S = BackSizes<depth>;
  Bf16* const keys = reinterpret_cast<Bf16*>(dynamic_shared());
  // The list has the late rows first, whose keys few queries see: from its end, the longest work comes first.
  const AmalgamTile tile = tiles[gridDim.x - 1 - blockIdx.x];
  const AmalgamSequence sequence = arrays.sequences[tile.sequence];
  const int64_t first_key = static_cast<int64_t>(tile.tile) * back_tile_rows;
  const int64_t last_key = (first_key + back_tile_rows < sequence.rows ? first_key + back_tile_rows : sequence.rows) - 1;
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
  load_tile<depth, back_tile_rows>(arrays, block.keys, arrays.k + sequence.first * arrays.k_stride + kv_col, arrays.k_stride,
                              first_key, sequence.rows);
  if constexpr (makes_keys) {
    load_tile<depth, back_tile_rows>(arrays, block.values, arrays.v + sequence.first * arrays.v_stride + kv_col,
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
  for (const AmalgamArray* array :
       {&back.q, &back.k, &back.v, &back.out, &back.d_out, &back.d_q, &back.d_k, &back.d_v}) {
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
int32_t start(AmalgamContext* context, const BackArrays& arrays, const AmalgamTile* tiles, int64_t count,
              AmalgamFailure* failure) {
  const auto run = [&](auto* kernel) {
    const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(arrays.kv_heads));
    return launch(context, kernel, grid, back_threads, BackSizes<depth>::shared_bytes, failure, arrays, tiles);
  };
  if constexpr (depth <= 128) {
    return run(key_back_kernel<depth, true, true>);
  } else {
    // The sums of both are more than the registers of a thread.
    const int32_t status = run(key_back_kernel<depth, true, false>);
    return status != 0 ? status : run(key_back_kernel<depth, false, true>);
  }
}

}  // namespace

int32_t cuda_attention_back(AmalgamContext* context, const AmalgamAttentionBack* back, const AmalgamTile* device_tiles,
                            int64_t tiles, AmalgamFailure* failure) {
  const BackArrays arrays = back_arrays(*back);
  const int32_t status = start_attention_back_queries(context, arrays, device_tiles, tiles, failure);
  if (status != 0) return status;
  const auto start_for = [&] {
    if (arrays.head_dim <= 16) return start<16>;
    if (arrays.head_dim <= 32) return start<32>;
    if (arrays.head_dim <= 64) return start<64>;
    if (arrays.head_dim <= 128) return start<128>;
    return start<256>;
  };
  return start_for()(context, arrays, device_tiles, tiles, failure);
}
