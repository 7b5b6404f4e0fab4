// What the attention kernels do with tiles: rows of one head in shared memory, filled up with zeros to `depth` numbers. A
// warp has 16 rows of a left factor; the sums that it makes lie in its registers as multiply_add leaves them.
#pragma once

#include "ops/cuda/numbers.cuh"
#include "ops/cuda/tensor_cores.cuh"

/// Numbers from one row of a tile to the next: eight rows meet no bank twice.
template <int depth>
constexpr int tile_stride = depth + 8;

/// Brings eight numbers of a head from `col` on into shared memory, zeros where there are none. `Arrays` says head_dim, and
/// whether heads can be read by eights.
template <typename Arrays>
__device__ inline void copy_eight(const Arrays& arrays, Bf16* to, const Bf16* head, int col, bool inside) {
  if (arrays.by_eights) {
    const bool filled = inside && col < arrays.head_dim;
    begin_copy(to, filled ? head + col : arrays.q, filled);
    return;
  }
  for (int i = 0; i < 8; ++i) {
    to[i] = inside && col + i < arrays.head_dim ? head[col + i] : __float2bfloat16_rn(0.0f);
  }
}

/// Begins to bring `count` rows of a head, from row `first` on, into a tile; those from `end` on become 0. Row 0 of the head
/// lies at `head`.
template <int depth, int count, typename Arrays>
__device__ inline void load_tile(const Arrays& arrays, Bf16* tile, const Bf16* head, int64_t stride, int64_t first,
                                 int64_t end) {
  constexpr int groups = depth / 8;
  for (int group = static_cast<int>(threadIdx.x); group < count * groups; group += static_cast<int>(blockDim.x)) {
    const int64_t row = first + group / groups;
    const int col = group % groups * 8;
    copy_eight(arrays, tile + group / groups * tile_stride<depth> + col, head + row * stride, col, row < end);
  }
}

/// The warp's 16 rows as left factors.
template <int depth>
__device__ inline void load_left_rows(unsigned (&a)[depth / 16][4], const Bf16* rows) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < depth / 16; ++k) {
    load_matrices(a[k], rows + lane % 16 * tile_stride<depth> + k * 16 + lane / 16 * 8);
  }
}

/// sums += the 16 columns k * 16 and on of left rows times those of 8 `count` rows of a tile, transposed.
template <int depth, int count>
__device__ inline void multiply_columns(const unsigned (&a)[4], const Bf16* tile, int k, float (&sums)[count][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < count; j += 2) {
    unsigned b[4];
    load_matrices(b, tile + (j * 8 + lane / 16 * 8 + lane % 8) * tile_stride<depth> + k * 16 + lane / 8 % 2 * 8);
    multiply_add(sums[j], a, b[0], b[1]);
    multiply_add(sums[j + 1], a, b[2], b[3]);
  }
}

/// sums (16 x 8 count) += left rows times the rows of a tile, transposed.
template <int depth, int count>
__device__ inline void multiply_rows(const unsigned (&left)[depth / 16][4], const Bf16* tile, float (&sums)[count][4]) {
#pragma unroll
  for (int k = 0; k < depth / 16; ++k) multiply_columns<depth, count>(left[k], tile, k, sums);
}

/// The same with left rows of a tile, read when they are needed, which saves registers.
template <int depth, int count>
__device__ inline void multiply_tiles(const Bf16* left, const Bf16* tile, float (&sums)[count][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < depth / 16; ++k) {
    unsigned a[4];
    load_matrices(a, left + lane % 16 * tile_stride<depth> + k * 16 + lane / 16 * 8);
    multiply_columns<depth, count>(a, tile, k, sums);
  }
}

/// sums (16 x depth) += factors (16 x 8 count, rounded to bfloat16) times 8 `count` rows of a tile.
template <int depth, int count>
__device__ inline void add_rows(const float (&factors)[count][4], const Bf16* tile, float (&sums)[depth / 8][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < count / 2; ++k) {
    const float(&low)[4] = factors[2 * k];
    const float(&high)[4] = factors[2 * k + 1];
    const unsigned a[4] = {pack_two(low[0], low[1]), pack_two(low[2], low[3]), pack_two(high[0], high[1]),
                           pack_two(high[2], high[3])};
#pragma unroll
    for (int n = 0; n < depth / 8; n += 2) {
      unsigned b[4];
      load_matrices_transposed(b, tile + (k * 16 + lane % 16) * tile_stride<depth> + n * 8 + lane / 16 * 8);
      multiply_add(sums[n], a, b[0], b[1]);
      multiply_add(sums[n + 1], a, b[2], b[3]);
    }
  }
}

/// Writes the warp's sums into rows `first` to first + 15 of a head, those before `end`: divided by divisors[0] in the first
/// eight rows and by divisors[1] in the others.
template <int depth, typename Arrays>
__device__ inline void write_rows(const Arrays& arrays, Bf16* head, int64_t stride, int64_t first, int64_t end,
                                  const float (&sums)[depth / 8][4], const float (&divisors)[2]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int64_t row = first + lane / 4 + half * 8;
    if (row >= end) continue;
    Bf16* const out = head + row * stride;
#pragma unroll
    for (int n = 0; n < depth / 8; ++n) {
      const int col = n * 8 + lane % 4 * 2;
      const float low = sums[n][2 * half] / divisors[half];
      const float high = sums[n][2 * half + 1] / divisors[half];
      if (arrays.by_eights) {
        if (col < arrays.head_dim) *reinterpret_cast<unsigned*>(out + col) = pack_two(low, high);
        continue;
      }
      if (col < arrays.head_dim) out[col] = __float2bfloat16_rn(low);
      if (col + 1 < arrays.head_dim) out[col + 1] = __float2bfloat16_rn(high);
    }
  }
}

/// Steps of `step` rows from `first` to before `end`, in two stages by turns: use(at, stage) while load(next, other stage) is on
/// its way.
template <int step, typename Load, typename Use>
__device__ inline void walk_in_stages(int64_t first, int64_t end, Load load, Use use) {
  load(first, 0);
  end_group();
  int stage = 0;
  for (int64_t at = first; at < end; at += step) {
    if (at + step < end) load(at + step, 1 - stage);
    end_group();
    wait_for_groups<1>();
    __syncthreads();
    use(at, stage);
    __syncthreads();  // before the stage is filled again
    stage = 1 - stage;
  }
}
