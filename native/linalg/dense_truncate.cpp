#include "linalg/dense_truncate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/vectorised.h"
#include "linalg/subspace.h"
#include "linalg/symmetric_eigen.h"
#include "ops/gemm.h"

namespace amalgam::linalg {

namespace {

using core::Matrix;

// Singular values below this fraction of the largest are rounding of the entries, which are float.
constexpr double relative_noise = 1e-6;

// Entries between 2^-this and 2^this leave room for the squares and sums of the iteration, which run in float.
constexpr int comfortable_exponent = 20;

constexpr std::int64_t polled_elements = 1 << 20;

/// Calls visit(row) for all rows, on all threads.
template <typename Visit>
void for_rows(core::MatrixView<float> matrix, ops::Executor& executor, Visit visit) {
  const std::int64_t rows_between_polls =
      std::max<std::int64_t>(polled_elements / std::max<std::int64_t>(matrix.cols, 1), 1);
  executor.pool().parallel_for(matrix.rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      if ((row - begin) % rows_between_polls == 0) executor.cancel().check();
      visit(row);
    }
  });
}

/// The largest magnitude; infinity or NaN when there is one.
float largest_entry(core::MatrixView<float> matrix, ops::Executor& executor) {
  std::vector<std::uint32_t> largest(static_cast<std::size_t>(matrix.rows));
  for_rows(matrix, executor, [&](std::int64_t row) {
    const float* values = matrix.row(row);
    std::uint32_t most = 0;
    core::vectorised([&]() AMALGAM_INLINE {
      std::uint32_t bits = 0;
      for (std::int64_t i = 0; i < matrix.cols; ++i) {
        const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffu;
        bits = bits > magnitude ? bits : magnitude;
      }
      most = bits;
    });
    largest[static_cast<std::size_t>(row)] = most;
  });
  const auto most = std::max_element(largest.begin(), largest.end());
  return most == largest.end() ? 0 : std::bit_cast<float>(*most);
}

void scale_by(core::MatrixView<float> matrix, float factor, ops::Executor& executor) {
  for_rows(matrix, executor, [&](std::int64_t row) {
    float* values = matrix.row(row);
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < matrix.cols; ++i) values[i] *= factor;
    });
  });
}

/// Sum of the squares: each row in sixteen running sums, then the rows in order.
double energy_of(core::MatrixView<float> matrix, ops::Executor& executor) {
  std::vector<double> energies(static_cast<std::size_t>(matrix.rows));
  for_rows(matrix, executor, [&](std::int64_t row) {
    constexpr int lanes = 16;
    double sums[lanes] = {};
    const float* values = matrix.row(row);
    core::vectorised([&]() AMALGAM_INLINE {
      std::int64_t i = 0;
      for (; i + lanes <= matrix.cols; i += lanes) {
        for (int lane = 0; lane < lanes; ++lane) {
          const auto value = static_cast<double>(values[i + lane]);
          sums[lane] += value * value;
        }
      }
      for (; i < matrix.cols; ++i) sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    });
    double sum = 0;
    for (const double part : sums) sum += part;
    energies[static_cast<std::size_t>(row)] = sum;
  });
  double energy = 0;
  for (const double part : energies) energy += part;
  return energy;
}

bool is_exact(std::int64_t shorter_side, std::int64_t rank) {
  return shorter_side <= largest_exact_side || !fits_subspace(shorter_side, rank);
}

/// Up to `rank` leading right singular vectors of a (m x n with n <= m), as columns.
Matrix<double> right_vectors(ops::Strided<float> a, std::int64_t rank, ops::Executor& executor) {
  if (!is_exact(a.cols, rank)) return leading_directions(a, rank, executor).vectors;
  Matrix<double> products(a.cols, a.cols);
  ops::gram(executor, a, products.view());
  const SymmetricEigen eigen = symmetric_eigen(std::move(products), executor);
  Matrix<double> vectors(a.cols, std::min(rank, a.cols));
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    for (std::int64_t k = 0; k < vectors.cols(); ++k) vectors(i, k) = eigen.vectors(k, i);
  }
  return vectors;
}

/// Turns every column so that its largest entry (the first of equals) is positive.
void turn_columns(Matrix<double>& vectors) {
  for (std::int64_t k = 0; k < vectors.cols(); ++k) {
    std::int64_t largest = 0;
    for (std::int64_t i = 1; i < vectors.rows(); ++i) {
      if (std::abs(vectors(i, k)) > std::abs(vectors(largest, k))) largest = i;
    }
    if (vectors.rows() == 0 || vectors(largest, k) >= 0) continue;
    for (std::int64_t i = 0; i < vectors.rows(); ++i) vectors(i, k) = -vectors(i, k);
  }
}

/// For a of m x n with n <= m and the sum of its squares.
Truncation truncate_tall(ops::Strided<float> a, double energy, std::int64_t rank, ops::Executor& executor) {
  Matrix<double> right = right_vectors(a, rank, executor);
  turn_columns(right);
  Matrix<double> images(a.rows, right.cols());  // column k: a v_k
  ops::gemm(executor, a, ops::strided(right), images.view(), ops::Into::overwrite);
  std::vector<double> sigma(static_cast<std::size_t>(right.cols()));
  for (std::int64_t i = 0; i < images.rows(); ++i) {
    for (std::int64_t k = 0; k < images.cols(); ++k) sigma[static_cast<std::size_t>(k)] += images(i, k) * images(i, k);
  }
  double kept_energy = 0;
  std::int64_t kept = 0;
  for (double& value : sigma) value = std::sqrt(value);
  const double least = sigma.empty() ? 0 : relative_noise * sigma[0];
  while (kept < right.cols() && sigma[static_cast<std::size_t>(kept)] > least) {
    kept_energy += sigma[static_cast<std::size_t>(kept)] * sigma[static_cast<std::size_t>(kept)];
    ++kept;
  }
  Truncation result{Matrix<double>(a.rows, kept), Matrix<double>(a.cols, kept), std::sqrt(energy), 0};
  const double discarded = std::sqrt(std::max(energy - kept_energy, 0.0) / energy);
  if (discarded > dense_noise && kept < a.cols) result.discarded = discarded;
  for (std::int64_t k = 0; k < kept; ++k) {
    const double root = std::sqrt(sigma[static_cast<std::size_t>(k)]);
    for (std::int64_t i = 0; i < a.rows; ++i) result.left(i, k) = images(i, k) / root;
    for (std::int64_t i = 0; i < a.cols; ++i) result.right(i, k) = root * right(i, k);
  }
  return result;
}

}  // namespace

Truncation dense_truncate(core::MatrixView<float> matrix, std::int64_t rank, ops::Executor& executor) {
  const float largest = largest_entry(matrix, executor);
  if (!std::isfinite(largest)) {
    throw core::Error("not-finite", "The merged update holds NaN or infinity.")
        .with_hint("The updates or coefficients are too large to be added up in 32-bit floats.");
  }
  if (largest == 0) return {Matrix<double>(matrix.rows, 0), Matrix<double>(matrix.cols, 0), 0, 0};
  // A power of two changes no digits.
  int exponent = 0;
  std::frexp(largest, &exponent);
  if (std::abs(exponent) <= comfortable_exponent) exponent = 0;
  if (exponent != 0) {
    const int half = exponent / 2;  // 2^-exponent alone may lie outside the range of a float
    scale_by(matrix, std::ldexp(1.0f, -half), executor);
    scale_by(matrix, std::ldexp(1.0f, half - exponent), executor);
  }
  const double energy = energy_of(matrix, executor);
  const ops::Strided<float> a = ops::strided(core::MatrixView<const float>(matrix));
  const bool tall = matrix.rows >= matrix.cols;
  Truncation result = truncate_tall(tall ? a : a.transposed(), energy, rank, executor);
  if (!tall) std::swap(result.left, result.right);
  if (exponent != 0) {
    result.norm = std::ldexp(result.norm, exponent);
    const double root = std::exp2(exponent / 2.0);
    for (Matrix<double>* side : {&result.left, &result.right}) {
      for (std::int64_t i = 0; i < side->size(); ++i) side->data()[i] *= root;
    }
  }
  return result;
}

std::uint64_t bytes_to_truncate(std::int64_t m, std::int64_t n, std::int64_t rank) {
  const std::int64_t shorter = std::min(m, n);
  const std::int64_t kept = std::min(rank, shorter);
  // The Gram matrix, the eigensolver's copy and its vectors; or the directions of both sides, once more while combined.
  const std::int64_t search = is_exact(shorter, kept) ? 3 * shorter * shorter : 2 * (m + n) * directions_held(kept);
  return static_cast<std::uint64_t>(search + 2 * (m + n) * kept) * sizeof(double);
}

}  // namespace amalgam::linalg
