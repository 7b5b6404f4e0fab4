#include "ops/gemm.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "ops/cpu/kernels.h"

namespace amalgam::ops {

namespace {

// Sizes of the packed blocks: a block of A stays in the second-level cache, a panel of B in the third.
constexpr std::int64_t tiles_in_a = 12;
constexpr std::int64_t tiles_in_b = 32;
// With few rows a panel of B is soon done with: it stays in the second-level cache too.
constexpr std::int64_t tiles_in_small_b = 8;

// Products that are done sooner by one thread than other threads are woken.
constexpr std::int64_t products_for_one_thread = 1 << 17;
constexpr std::int64_t elements_for_one_thread = 1 << 14;  // the same for copies

std::int64_t tiles_of(std::int64_t size, std::int64_t tile) { return (size + tile - 1) / tile; }

/// C = A B for one thread's part of C. k runs outermost but one, so that C is written once per block of k.
template <typename Sum, typename SourceA, typename SourceB>
struct Product {
  Executor& executor;
  const cpu::GemmKernel<Sum>& kernel;
  cpu::Pack<SourceA, Sum> pack_rows;
  cpu::Pack<SourceB, Sum> pack_cols;

  void run(Strided<SourceA> a, Strided<SourceB> b, core::MatrixView<Sum> c, Into into, int worker) const {
    const std::int64_t a_rows =
        std::min(tiles_in_a * kernel.tile_rows, tiles_of(c.rows, kernel.tile_rows) * kernel.tile_rows);
    const std::int64_t b_tiles = c.rows <= a_rows ? tiles_in_small_b : tiles_in_b;
    const std::int64_t b_cols =
        std::min(b_tiles * kernel.tile_cols, tiles_of(c.cols, kernel.tile_cols) * kernel.tile_cols);
    const std::int64_t depth = std::min(kernel.k_block, a.cols);
    const std::size_t bytes = static_cast<std::size_t>((a_rows + b_cols) * depth) * sizeof(Sum);
    Sum* packed_a = reinterpret_cast<Sum*>(executor.scratch(worker, bytes));
    Sum* packed_b = packed_a + a_rows * depth;
    for (std::int64_t col = 0; col < c.cols; col += b_cols) {
      const std::int64_t cols = std::min(b_cols, c.cols - col);
      for (std::int64_t k = 0; k < a.cols; k += kernel.k_block) {
        const std::int64_t steps = std::min(kernel.k_block, a.cols - k);
        pack_cols(b.data + k * b.row_stride + col * b.col_stride, b.col_stride, b.row_stride, cols, steps, packed_b);
        for (std::int64_t row = 0; row < c.rows; row += a_rows) {
          executor.cancel().check();
          const std::int64_t rows = std::min(a_rows, c.rows - row);
          pack_rows(a.data + row * a.row_stride + k * a.col_stride, a.row_stride, a.col_stride, rows, steps, packed_a);
          kernel.multiply(steps, packed_a, packed_b, {c.row(row) + col, c.stride, rows, cols},
                          k > 0 || into == Into::accumulate);
        }
      }
    }
  }
};

template <typename Sum, typename SourceA, typename SourceB>
void multiply(const Product<Sum, SourceA, SourceB>& product, Strided<SourceA> a, Strided<SourceB> b,
              core::MatrixView<Sum> c, Into into) {
  if (a.rows != c.rows || b.cols != c.cols || a.cols != b.rows) {
    throw std::logic_error("gemm: " + std::to_string(a.rows) + "x" + std::to_string(a.cols) + " times " +
                           std::to_string(b.rows) + "x" + std::to_string(b.cols) + " into " + std::to_string(c.rows) +
                           "x" + std::to_string(c.cols));
  }
  if (c.size() == 0) return;
  if (a.cols == 0) {
    if (into == Into::accumulate) return;
    for (std::int64_t row = 0; row < c.rows; ++row) std::fill_n(c.row(row), c.cols, Sum(0));
    return;
  }
  // The longer side of C is cut into one run of tiles per thread; k is never cut, so every sum keeps its order.
  if (c.size() <= products_for_one_thread / a.cols) return product.run(a, b, c, into, 0);
  const std::int64_t row_tiles = tiles_of(c.rows, product.kernel.tile_rows);
  const std::int64_t col_tiles = tiles_of(c.cols, product.kernel.tile_cols);
  product.executor.pool().parallel_for(
      std::max(row_tiles, col_tiles), [&](std::int64_t begin, std::int64_t end, int worker) {
        if (col_tiles >= row_tiles) {
          const std::int64_t first = begin * product.kernel.tile_cols;
          const std::int64_t count = std::min(end * product.kernel.tile_cols, c.cols) - first;
          const Strided<SourceB> part{b.data + first * b.col_stride, b.rows, count, b.row_stride, b.col_stride};
          product.run(a, part, c.col_range(first, count), into, worker);
        } else {
          const std::int64_t first = begin * product.kernel.tile_rows;
          const std::int64_t count = std::min(end * product.kernel.tile_rows, c.rows) - first;
          const Strided<SourceA> part{a.data + first * a.row_stride, count, a.cols, a.row_stride, a.col_stride};
          product.run(part, b, c.row_range(first, count), into, worker);
        }
      });
}

template <typename Source>
auto row_pack(const cpu::GemmKernel<float>& kernel) {
  return kernel.pack_rows_f32;
}
template <typename Source>
auto row_pack(const cpu::GemmKernel<double>& kernel) {
  if constexpr (std::is_same_v<Source, float>) {
    return kernel.pack_rows_f32;
  } else {
    return kernel.pack_rows_f64;
  }
}
template <typename Source>
auto col_pack(const cpu::GemmKernel<float>& kernel) {
  if constexpr (std::is_same_v<Source, float>) {
    return kernel.pack_cols_f32;
  } else if constexpr (std::is_same_v<Source, Bf16>) {
    return kernel.pack_cols_bf16;
  } else {
    return kernel.pack_cols_f16;
  }
}
template <typename Source>
auto col_pack(const cpu::GemmKernel<double>& kernel) {
  if constexpr (std::is_same_v<Source, float>) {
    return kernel.pack_cols_f32;
  } else {
    return kernel.pack_cols_f64;
  }
}

template <typename Sum>
const cpu::GemmKernel<Sum>& kernel_for(const Executor& executor) {
  const cpu::Kernels& all = cpu::kernels(executor.instruction_set());
  if constexpr (std::is_same_v<Sum, float>) {
    return all.f32;
  } else {
    return all.f64;
  }
}

template <typename Sum, typename SourceA, typename SourceB>
void multiply(Executor& executor, Strided<SourceA> a, Strided<SourceB> b, core::MatrixView<Sum> c, Into into) {
  const cpu::GemmKernel<Sum>& kernel = kernel_for<Sum>(executor);
  multiply<Sum, SourceA, SourceB>({executor, kernel, row_pack<SourceA>(kernel), col_pack<SourceB>(kernel)}, a, b, c,
                                  into);
}

/// c(i, j) = x^T x for i <= j; what lies below the diagonal is not defined.
template <typename Sum, typename Source>
void upper_half(Executor& executor, const cpu::GemmKernel<Sum>& kernel, Strided<Source> x, core::MatrixView<Sum> c) {
  const std::int64_t n = x.cols;
  if (c.rows != n || c.cols != n) throw std::logic_error("gram: the result must have the columns of x as sides");
  const auto pack_cols = col_pack<Source>(kernel);
  const std::int64_t strips = tiles_of(n, kernel.tile_cols);
  if (x.rows == 0) {
    for (std::int64_t i = 0; i < n; ++i) std::fill_n(c.row(i), n, Sum(0));
    return;
  }
  const int threads = executor.pool().threads();
  executor.pool().parallel_for(threads, [&](std::int64_t first, std::int64_t, int worker) {
    const std::int64_t numbers = strips * kernel.tile_cols * std::min(kernel.k_block, x.rows);
    Sum* packed = reinterpret_cast<Sum*>(executor.scratch(worker, static_cast<std::size_t>(numbers) * sizeof(Sum)));
    for (std::int64_t k = 0; k < x.rows; k += kernel.k_block) {
      const std::int64_t steps = std::min(kernel.k_block, x.rows - k);
      pack_cols(x.data + k * x.row_stride, x.col_stride, x.row_stride, n, steps, packed);
      // Dealt out in turn, because the strips grow longer from the left to the right.
      for (std::int64_t strip = first; strip < strips; strip += threads) {
        executor.cancel().check();
        const std::int64_t col = strip * kernel.tile_cols;
        const std::int64_t end = std::min(col + kernel.tile_cols, n);
        kernel.multiply_symmetric(steps, packed, strip, {c.data + col, c.stride, end, end - col}, k > 0);
      }
    }
  });
}

template <typename Sum, typename Source>
void symmetric(Executor& executor, Strided<Source> x, core::MatrixView<Sum> c) {
  upper_half(executor, kernel_for<Sum>(executor), x, c);
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < i; ++j) c(i, j) = c(j, i);
  }
}

/// The same kernel with its products in short runs.
cpu::GemmKernel<float> in_runs(cpu::GemmKernel<float> kernel) {
  kernel.multiply = kernel.multiply_in_runs;
  kernel.multiply_symmetric = kernel.multiply_symmetric_in_runs;
  return kernel;
}

cpu::GemmKernel<float> pairs_in_runs(const Executor& executor) {
  const cpu::GemmKernel<float>* kernel = cpu::pair_kernel(executor.instruction_set());
  if (kernel == nullptr) throw std::logic_error("this processor has no products of bfloat16 pairs");
  return in_runs(*kernel);
}

void multiply_with(Executor& executor, const cpu::GemmKernel<float>& kernel, Strided<float> a, Strided<float> b,
                   core::MatrixView<float> c) {
  multiply<float, float, float>({executor, kernel, kernel.pack_rows_f32, kernel.pack_cols_f32}, a, b, c,
                                Into::overwrite);
}

/// Whether so much of every tile would be empty that C^T = B^T A^T is made instead. Its sums have the same steps.
bool is_narrow(const cpu::GemmKernel<float>& kernel, const core::MatrixView<float>& c) {
  return 4 * c.cols <= 3 * kernel.tile_cols && c.rows >= 2 * kernel.tile_cols;
}

/// Calls move(row, col) for all elements of c, in an order that neither c nor its transpose minds.
template <typename Move>
void for_turned(Executor& executor, const core::MatrixView<float>& c, Move move) {
  constexpr std::int64_t block = 16;
  const auto move_blocks = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t first = begin * block; first < std::min(end * block, c.rows); first += block) {
      const std::int64_t last = std::min(first + block, c.rows);
      for (std::int64_t col = 0; col < c.cols; ++col) {
        for (std::int64_t row = first; row < last; ++row) move(row, col);
      }
    }
  };
  const std::int64_t blocks = tiles_of(c.rows, block);
  if (c.size() <= elements_for_one_thread) return move_blocks(0, blocks, 0);
  executor.pool().parallel_for(blocks, move_blocks);
}

void multiply_turned(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c, Into into) {
  core::Matrix<float> turned(c.cols, c.rows);
  if (into == Into::accumulate) {
    for_turned(executor, c, [&](std::int64_t row, std::int64_t col) { turned(col, row) = c(row, col); });
  }
  multiply<float, float, float>(executor, b.transposed(), a.transposed(), turned.view(), into);
  for_turned(executor, c, [&](std::int64_t row, std::int64_t col) { c(row, col) = turned(col, row); });
}

}  // namespace

void gemm_in_runs(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c) {
  multiply_with(executor, in_runs(kernel_for<float>(executor)), a, b, c);
}

void upper_gram_in_runs(Executor& executor, Strided<float> x, core::MatrixView<float> c) {
  upper_half(executor, in_runs(kernel_for<float>(executor)), x, c);
}

bool has_pair_products(core::InstructionSet set) { return cpu::pair_kernel(set) != nullptr; }

void gemm_of_pairs(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c) {
  multiply_with(executor, pairs_in_runs(executor), a, b, c);
}

void upper_gram_of_pairs(Executor& executor, Strided<float> x, core::MatrixView<float> c) {
  upper_half(executor, pairs_in_runs(executor), x, c);
}

void gemm(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c, Into into) {
  if (is_narrow(kernel_for<float>(executor), c)) return multiply_turned(executor, a, b, c, into);
  multiply(executor, a, b, c, into);
}

void gemm(Executor& executor, Strided<float> a, Strided<Bf16> b, core::MatrixView<float> c, Into into) {
  multiply(executor, a, b, c, into);
}

void gemm(Executor& executor, Strided<float> a, Strided<F16> b, core::MatrixView<float> c, Into into) {
  multiply(executor, a, b, c, into);
}

void gemm(Executor& executor, Strided<double> a, Strided<double> b, core::MatrixView<double> c, Into into) {
  multiply(executor, a, b, c, into);
}

void gemm(Executor& executor, Strided<double> a, Strided<float> b, core::MatrixView<double> c, Into into) {
  multiply(executor, a, b, c, into);
}

void gemm(Executor& executor, Strided<float> a, Strided<double> b, core::MatrixView<double> c, Into into) {
  multiply(executor, a, b, c, into);
}

void gemm(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<double> c, Into into) {
  multiply(executor, a, b, c, into);
}

void gram(Executor& executor, Strided<float> x, core::MatrixView<float> c) { symmetric(executor, x, c); }

void gram(Executor& executor, Strided<float> x, core::MatrixView<double> c) { symmetric(executor, x, c); }

void gram(Executor& executor, Strided<double> x, core::MatrixView<double> c) { symmetric(executor, x, c); }

}  // namespace amalgam::ops
