#include "lora/spectrum.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "linalg/symmetric_eigen.h"
#include "ops/gemm.h"

namespace amalgam::lora {

namespace {

using core::Matrix;

/// Moves the lengths of B's columns over to A's rows: `out` gets ones on its diagonal.
void balance(Matrix<double>& out, Matrix<double>& in) {
  const std::int64_t rank = out.rows();
  std::vector<double> length(static_cast<std::size_t>(rank));
  for (std::int64_t u = 0; u < rank; ++u) length[static_cast<std::size_t>(u)] = std::sqrt(std::max(out(u, u), 0.0));
  for (std::int64_t u = 0; u < rank; ++u) {
    for (std::int64_t v = 0; v < rank; ++v) {
      const double product = length[static_cast<std::size_t>(u)] * length[static_cast<std::size_t>(v)];
      out(u, v) = product > 0 ? out(u, v) / product : 0;
      in(u, v) *= product;
    }
  }
}

}  // namespace

std::vector<double> singular_values(Matrix<double> out, Matrix<double> in, ops::Executor& executor) {
  const std::int64_t rank = out.rows();
  balance(out, in);
  // Row k of `directions` is the k-th eigenvector v_k of B^T B, so that L has the columns sqrt(value_k) v_k.
  const auto [values, directions] = linalg::symmetric_eigen(std::move(out), executor);
  Matrix<double> turned(rank, rank);
  Matrix<double> core(rank, rank);
  ops::gemm(executor, ops::strided(directions), ops::strided(in), turned.view(), ops::Into::overwrite);
  ops::gemm(executor, ops::strided(turned), ops::strided(directions).transposed(), core.view(), ops::Into::overwrite);
  for (std::int64_t k = 0; k < rank; ++k) {
    for (std::int64_t l = 0; l <= k; ++l) {
      const double scale = std::sqrt(std::max(values[static_cast<std::size_t>(k)], 0.0)) *
                           std::sqrt(std::max(values[static_cast<std::size_t>(l)], 0.0));
      core(k, l) = core(l, k) = scale * (core(k, l) + core(l, k)) / 2;
    }
  }
  std::vector<double> result = linalg::symmetric_eigen(std::move(core), executor).values;
  for (double& value : result) value = std::sqrt(std::max(value, 0.0));
  const double noise = result.empty() ? 0 : spectrum_tolerance * result.front();
  for (double& value : result) value = value > noise ? value : 0;
  return result;
}

}  // namespace amalgam::lora
