#include "ops/cuda/matmul.cuh"

#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/tensor_cores.cuh"

namespace {

// A block makes 128 x 128 elements of out with 8 warps, two down and four across, each 64 x 32. The factors pass through
// shared memory 32 terms of the sums at a time, three stages deep.
constexpr int tile = 128;
constexpr int tile_depth = 32;
constexpr int stages = 3;
constexpr int block_threads = 256;
// In shared memory rows begin 80 bytes apart, turned ones 272: eight of them meet no bank twice.
constexpr int upright_stride = tile_depth + 8;
constexpr int turned_stride = tile + 8;
constexpr int factor_numbers = tile * upright_stride;  // more than tile_depth * turned_stride
constexpr int stage_numbers = 2 * factor_numbers;
constexpr size_t shared_bytes = size_t{stages} * stage_numbers * sizeof(Bf16);
constexpr int warp_rows = 64;
constexpr int warp_cols = 32;
constexpr int row_fragments = warp_rows / 16;
constexpr int col_fragments = warp_cols / 8;

/// rows x depth numbers: element (i, k) lies at i * stride + k, or of a turned factor at k * stride + i.
struct Factor {
  const Bf16* data;
  int64_t stride;
  int64_t rows;
};

struct Product {
  Factor left;
  Factor right;
  void* out;
  int64_t out_stride;
  int64_t depth;
};

/// Brings terms from `k` on of `tile` rows from `first` on into shared memory, lying as they lay; what lies outside
/// becomes 0.
template <bool turned, bool by_eights>
__device__ void load_tile(Bf16* shared, const Factor& factor, int64_t first, int64_t k, int64_t depth) {
  constexpr int groups = (turned ? tile : tile_depth) / 8;  // of a line in memory
  constexpr int stride = turned ? turned_stride : upright_stride;
  const int64_t first_line = turned ? k : first;
  const int64_t first_col = turned ? first : k;
  const int64_t lines = turned ? depth : factor.rows;
  const int64_t cols = turned ? factor.rows : depth;
#pragma unroll
  for (int i = 0; i < tile * tile_depth / 8 / block_threads; ++i) {
    const int group = static_cast<int>(threadIdx.x) + i * block_threads;
    const int64_t line = first_line + group / groups;
    const int64_t col = first_col + group % groups * 8;
    Bf16* to = shared + group / groups * stride + group % groups * 8;
    if constexpr (by_eights) {
      const bool inside = line < lines && col < cols;
      begin_copy(to, inside ? factor.data + line * factor.stride + col : factor.data, inside);
    } else {
      for (int j = 0; j < 8; ++j) {
        const bool inside = line < lines && col + j < cols;
        to[j] = inside ? factor.data[line * factor.stride + col + j] : __float2bfloat16_rn(0.0f);
      }
    }
  }
}

template <bool left_turned, bool right_turned, bool by_eights>
__device__ void load_stage(const Product& product, Bf16* stage, int64_t row, int64_t col, int64_t k) {
  load_tile<left_turned, by_eights>(stage, product.left, row, k, product.depth);
  load_tile<right_turned, by_eights>(stage + factor_numbers, product.right, col, k, product.depth);
}

/// Rows `row` to row + 15 and terms k to k + 15 as the left factor of multiply_add.
template <bool turned>
__device__ void load_left(unsigned (&a)[4], const Bf16* shared, int row, int k) {
  const int lane = threadIdx.x % 32;
  if constexpr (turned) {
    load_matrices_transposed(a, shared + (k + lane / 16 * 8 + lane % 8) * turned_stride + row + lane / 8 % 2 * 8);
  } else {
    load_matrices(a, shared + (row + lane % 16) * upright_stride + k + lane / 16 * 8);
  }
}

/// The same as two right factors of 8 rows each.
template <bool turned>
__device__ void load_right(unsigned (&b)[4], const Bf16* shared, int row, int k) {
  const int lane = threadIdx.x % 32;
  if constexpr (turned) {
    load_matrices_transposed(b, shared + (k + lane % 16) * turned_stride + row + lane / 16 * 8);
  } else {
    load_matrices(b, shared + (row + lane / 16 * 8 + lane % 8) * upright_stride + k + lane / 8 % 2 * 8);
  }
}

/// The warp's part of one stage.
template <bool left_turned, bool right_turned>
__device__ void multiply_stage(const Bf16* stage, int warp_row, int warp_col,
                               float (&sums)[row_fragments][col_fragments][4]) {
#pragma unroll
  for (int k = 0; k < tile_depth; k += 16) {
    unsigned a[row_fragments][4];
    unsigned b[col_fragments / 2][4];
#pragma unroll
    for (int i = 0; i < row_fragments; ++i) load_left<left_turned>(a[i], stage, warp_row + i * 16, k);
#pragma unroll
    for (int j = 0; j < col_fragments / 2; ++j) {
      load_right<right_turned>(b[j], stage + factor_numbers, warp_col + j * 16, k);
    }
#pragma unroll
    for (int i = 0; i < row_fragments; ++i) {
#pragma unroll
      for (int j = 0; j < col_fragments; ++j) {
        multiply_add(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
  }
}

__device__ void put(float* to, float value, bool accumulate) { *to = accumulate ? *to + value : value; }
__device__ void put(Bf16* to, float value, bool accumulate) {
  *to = __float2bfloat16_rn(accumulate ? __bfloat162float(*to) + value : value);
}

template <bool left_turned, bool right_turned, bool by_eights, typename Out>
__global__ void __launch_bounds__(block_threads) matmul_kernel(Product product, bool accumulate) {
  Bf16* const shared = reinterpret_cast<Bf16*>(dynamic_shared());
  const int64_t row = static_cast<int64_t>(blockIdx.x) * tile;
  const int64_t col = static_cast<int64_t>(blockIdx.y) * tile;
  const int warp = threadIdx.x / 32;
  const int warp_row = warp / 4 * warp_rows;
  const int warp_col = warp % 4 * warp_cols;
  float sums[row_fragments][col_fragments][4] = {};

  const int64_t steps = (product.depth + tile_depth - 1) / tile_depth;
#pragma unroll
  for (int step = 0; step < stages - 1; ++step) {
    if (step < steps) {
      load_stage<left_turned, right_turned, by_eights>(product, shared + step * stage_numbers, row, col,
                                                       step * tile_depth);
    }
    end_group();
  }
  for (int64_t step = 0; step < steps; ++step) {
    wait_for_groups<stages - 2>();
    __syncthreads();  // this stage is complete, and nobody reads the one before it any more
    const int64_t next = step + stages - 1;
    if (next < steps) {
      load_stage<left_turned, right_turned, by_eights>(product, shared + next % stages * stage_numbers, row, col,
                                                       next * tile_depth);
    }
    end_group();
    multiply_stage<left_turned, right_turned>(shared + step % stages * stage_numbers, warp_row, warp_col, sums);
  }

  const int lane = threadIdx.x % 32;
  Out* const out = static_cast<Out*>(product.out);
#pragma unroll
  for (int i = 0; i < row_fragments; ++i) {
#pragma unroll
    for (int j = 0; j < col_fragments; ++j) {
#pragma unroll
      for (int element = 0; element < 4; ++element) {
        const int64_t to_row = row + warp_row + i * 16 + lane / 4 + element / 2 * 8;
        const int64_t to_col = col + warp_col + j * 8 + lane % 4 * 2 + element % 2;
        if (to_row < product.left.rows && to_col < product.right.rows) {
          put(out + to_row * product.out_stride + to_col, sums[i][j][element], accumulate);
        }
      }
    }
  }
}

template <bool left_turned, bool right_turned, bool by_eights>
int32_t start_typed(AmalgamContext* context, const Product& product, int32_t out_type, bool accumulate,
                    AmalgamFailure* failure) {
  const auto kernel = out_type == AMALGAM_BF16 ? matmul_kernel<left_turned, right_turned, by_eights, Bf16>
                                               : matmul_kernel<left_turned, right_turned, by_eights, float>;
  // Blocks that run at the same time share columns of the right factor, the larger one in a model.
  const dim3 grid(static_cast<unsigned>((product.left.rows + tile - 1) / tile),
                  static_cast<unsigned>((product.right.rows + tile - 1) / tile));
  return launch(context, kernel, grid, block_threads, shared_bytes, failure, product, accumulate);
}

template <bool left_turned, bool right_turned>
int32_t start(AmalgamContext* context, const MatmulFactor& left, const MatmulFactor& right, const AmalgamArray& out,
              bool accumulate, AmalgamFailure* failure) {
  const auto factor = [](const MatmulFactor& from) {
    return Factor{bf16_data(from.array), from.array.stride, from.rows()};
  };
  const Product product{factor(left), factor(right), out.data, out.stride, left.depth()};
  const auto start_it = in_eights(left.array) && in_eights(right.array) ? start_typed<left_turned, right_turned, true>
                                                                        : start_typed<left_turned, right_turned, false>;
  return start_it(context, product, out.type, accumulate, failure);
}

}  // namespace

int32_t cuda_matmul(AmalgamContext* context, const MatmulFactor& left, const MatmulFactor& right,
                    const AmalgamArray& out, bool accumulate, AmalgamFailure* failure) {
  const auto start_it = left.turned ? start<true, true> : right.turned ? start<false, true> : start<false, false>;
  return start_it(context, left, right, out, accumulate, failure);
}
