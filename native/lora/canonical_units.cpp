#include "lora/canonical_units.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "linalg/basis.h"
#include "linalg/truncate.h"
#include "ops/gemm.h"

namespace amalgam::lora {

namespace {

using core::Matrix;

// Rounding of a product of factors, relative to their sizes; an update below that is zero.
constexpr double product_noise = 1e-14;

/// The triplets of one source: column k of `b` and row k of `a`.
struct Triplets {
  int source;
  int adapter;
  Matrix<double> a;
  Matrix<double> b;
};

double norm_of(const Matrix<double>& matrix) {
  double sum = 0;
  for (std::int64_t i = 0; i < matrix.size(); ++i) sum += matrix.data()[i] * matrix.data()[i];
  return std::sqrt(sum);
}

/// The factor that makes the entry of a row with the largest magnitude positive.
double sign_of(const double* row, std::int64_t length) {
  const auto smaller = [](double one, double other) { return std::abs(one) < std::abs(other); };
  return *std::max_element(row, row + length, smaller) < 0 ? -1 : 1;
}

void make_signs_canonical(Triplets& triplets) {
  for (std::int64_t k = 0; k < triplets.a.rows(); ++k) {
    const double sign = sign_of(triplets.a.row(k), triplets.a.cols());
    for (std::int64_t j = 0; j < triplets.a.cols(); ++j) triplets.a(k, j) *= sign;
    for (std::int64_t i = 0; i < triplets.b.rows(); ++i) triplets.b(i, k) *= sign;
  }
}

/// Of the units [first, first + count), which belong to one source.
Triplets triplets_of(const RankUnits& units, std::int64_t first, std::int64_t count, ops::Executor& executor) {
  linalg::Basis out = linalg::orthonormal_basis(ops::strided(units.b.view().col_range(first, count)), executor);
  const linalg::Basis in =
      linalg::orthonormal_basis(ops::strided(units.a.view().row_range(first, count)).transposed(), executor);
  for (std::int64_t i = 0; i < out.coordinates.rows(); ++i) {
    for (std::int64_t u = 0; u < count; ++u) out.coordinates(i, u) *= units.c[static_cast<std::size_t>(first + u)];
  }
  Matrix<double> core(out.coordinates.rows(), in.coordinates.rows());
  ops::gemm(executor, ops::strided(out.coordinates), ops::strided(in.coordinates).transposed(), core.view(),
            ops::Into::overwrite);
  const double noise = product_noise * norm_of(out.coordinates) * norm_of(in.coordinates);
  const linalg::Truncation triplets = linalg::truncate(core, count, noise, executor);
  const std::int64_t rank = triplets.left.cols();
  const UnitTag& tag = units.tags[static_cast<std::size_t>(first)];
  Triplets result{tag.source, tag.adapter, Matrix<double>(rank, units.a.cols()), Matrix<double>(units.b.rows(), rank)};
  ops::gemm(executor, ops::strided(out.directions), ops::strided(triplets.left), result.b.view(),
            ops::Into::overwrite);
  ops::gemm(executor, ops::strided(triplets.right).transposed(), ops::strided(in.directions).transposed(),
            result.a.view(), ops::Into::overwrite);
  make_signs_canonical(result);
  return result;
}

RankUnits stacked(const std::vector<Triplets>& sources, std::int64_t in, std::int64_t out) {
  std::int64_t total = 0;
  for (const Triplets& source : sources) total += source.a.rows();
  RankUnits units{Matrix<float>(total, in), Matrix<float>(out, total),
                  std::vector<double>(static_cast<std::size_t>(total), 1.0), {}};
  std::int64_t first = 0;
  for (const Triplets& source : sources) {
    const std::int64_t rank = source.a.rows();
    for (std::int64_t k = 0; k < rank; ++k) {
      for (std::int64_t j = 0; j < in; ++j) units.a(first + k, j) = static_cast<float>(source.a(k, j));
      units.tags.push_back({source.source, source.adapter, k});
    }
    for (std::int64_t i = 0; i < out; ++i) {
      for (std::int64_t k = 0; k < rank; ++k) units.b(i, first + k) = static_cast<float>(source.b(i, k));
    }
    first += rank;
  }
  return units;
}

}  // namespace

RankUnits canonical_units(const RankUnits& units, ops::Executor& executor) {
  std::vector<Triplets> sources;
  for (std::int64_t first = 0; first < units.count();) {
    std::int64_t last = first;
    while (last < units.count() && units.tags[static_cast<std::size_t>(last)].source ==
                                       units.tags[static_cast<std::size_t>(first)].source)
      ++last;
    sources.push_back(triplets_of(units, first, last - first, executor));
    first = last;
  }
  return stacked(sources, units.a.cols(), units.b.rows());
}

}  // namespace amalgam::lora
