#include "ops/cuda/matmul.cuh"

#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/tensor_cores.cuh"

namespace {

// A block makes 128 x 128 elements of out with 8 warps, two down and four across, each 64 x 32. Columns of x and w pass
// through shared memory 32 at a time, three stages deep.
constexpr int tile = 128;
constexpr int tile_depth = 32;
constexpr int stages = 3;
constexpr int block_threads = 256;
constexpr int shared_stride = tile_depth + 8;  // rows begin 80 bytes apart: eight of them meet no bank twice
constexpr int stage_numbers = 2 * tile * shared_stride;
constexpr size_t shared_bytes = size_t{stages} * stage_numbers * sizeof(Bf16);
constexpr int warp_rows = 64;
constexpr int warp_cols = 32;
constexpr int row_fragments = warp_rows / 16;
constexpr int col_fragments = warp_cols / 8;

struct Product {
  const Bf16* x;
  const Bf16* w;
  void* out;
  int64_t x_stride, w_stride, out_stride;
  int64_t rows, cols, depth;
};

/// Brings columns from `k` on of `tile` rows from `first` on into shared memory; what lies outside becomes 0.
template <bool by_eights>
__device__ void load_tile(Bf16* shared, const Bf16* matrix, int64_t stride, int64_t first, int64_t rows, int64_t k,
                          int64_t depth) {
  constexpr int groups = tile_depth / 8;
#pragma unroll
  for (int i = 0; i < tile * groups / block_threads; ++i) {
    const int group = static_cast<int>(threadIdx.x) + i * block_threads;
    const int64_t row = first + group / groups;
    const int64_t col = k + group % groups * 8;
    Bf16* to = shared + group / groups * shared_stride + group % groups * 8;
    if constexpr (by_eights) {
      const bool inside = row < rows && col < depth;
      begin_copy(to, inside ? matrix + row * stride + col : matrix, inside);
    } else {
      for (int j = 0; j < 8; ++j) {
        to[j] = row < rows && col + j < depth ? matrix[row * stride + col + j] : __float2bfloat16_rn(0.0f);
      }
    }
  }
}

template <bool by_eights>
__device__ void load_stage(const Product& product, Bf16* stage, int64_t row, int64_t col, int64_t k) {
  load_tile<by_eights>(stage, product.x, product.x_stride, row, product.rows, k, product.depth);
  load_tile<by_eights>(stage + tile * shared_stride, product.w, product.w_stride, col, product.cols, k, product.depth);
}

/// The warp's part of one stage.
__device__ void multiply_stage(const Bf16* stage, int warp_row, int warp_col,
                               float (&sums)[row_fragments][col_fragments][4]) {
  const int lane = threadIdx.x % 32;
  const Bf16* left = stage;
  const Bf16* right = stage + tile * shared_stride;
#pragma unroll
  for (int k = 0; k < tile_depth; k += 16) {
    unsigned a[row_fragments][4];
    unsigned b[col_fragments / 2][4];  // two fragments of 8 columns each
#pragma unroll
    for (int i = 0; i < row_fragments; ++i) {
      load_matrices(a[i], left + (warp_row + i * 16 + lane % 16) * shared_stride + k + lane / 16 * 8);
    }
#pragma unroll
    for (int j = 0; j < col_fragments / 2; ++j) {
      const int row = warp_col + j * 16 + lane / 16 * 8 + lane % 8;
      load_matrices(b[j], right + row * shared_stride + k + lane / 8 % 2 * 8);
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

template <bool by_eights, typename Out>
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
    if (step < steps) load_stage<by_eights>(product, shared + step * stage_numbers, row, col, step * tile_depth);
    end_group();
  }
  for (int64_t step = 0; step < steps; ++step) {
    wait_for_groups<stages - 2>();
    __syncthreads();  // this stage is complete, and nobody reads the one before it any more
    const int64_t next = step + stages - 1;
    if (next < steps) {
      load_stage<by_eights>(product, shared + next % stages * stage_numbers, row, col, next * tile_depth);
    }
    end_group();
    multiply_stage(shared + step % stages * stage_numbers, warp_row, warp_col, sums);
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
        if (to_row < product.rows && to_col < product.cols) {
          put(out + to_row * product.out_stride + to_col, sums[i][j][element], accumulate);
        }
      }
    }
  }
}

template <bool by_eights>
int32_t start(AmalgamContext* context, const Product& product, int32_t out_type, bool accumulate,
              AmalgamFailure* failure) {
  const auto kernel = out_type == AMALGAM_BF16 ? matmul_kernel<by_eights, Bf16> : matmul_kernel<by_eights, float>;
  // Blocks that run at the same time share columns of w, the larger matrix.
  const dim3 grid(static_cast<unsigned>((product.rows + tile - 1) / tile),
                  static_cast<unsigned>((product.cols + tile - 1) / tile));
  return launch(context, kernel, grid, block_threads, shared_bytes, failure, product, accumulate);
}

}  // namespace

int32_t cuda_matmul(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& w, const AmalgamArray& out,
                    bool accumulate, AmalgamFailure* failure) {
  const Product product{bf16_data(x), bf16_data(w), out.data, x.stride, w.stride, out.stride, x.rows, w.rows, x.cols};
  if (in_eights(x) && in_eights(w)) return start<true>(context, product, out.type, accumulate, failure);
  return start<false>(context, product, out.type, accumulate, failure);
}
