#include "merge/combine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "linalg/basis.h"
#include "linalg/gram.h"
#include "linalg/truncate.h"
#include "lora/folded_units.h"
#include "lora/unit_products.h"
#include "ops/gemm.h"

namespace amalgam::merge {

namespace {

using core::Matrix;
using core::MatrixView;
using lora::RankUnits;
using methods::Core;
using methods::Cores;

// Rounding of a sum in double, relative to the sum of the sizes of its terms; what cancels below that is zero.
constexpr double sum_noise = 1e-14;

/// True when the module keeps all that stacking gives.
bool is_whole(const ModuleRequest& module, std::int64_t stacked_rank) {
  return module.rank == whole_rank || module.rank >= stacked_rank;
}

/// The numbers a_i of a method whose result is sum a_i M_i: handed the unit matrices E_ii, it returns diag(a).
std::vector<double> summing_coefficients(const methods::InCore& rule, const ModuleRequest& module, int adapters,
                                         ops::Executor& executor) {
  const auto count = static_cast<std::int64_t>(module.sources.size());
  Matrix<double> identity(count, count);
  Cores cores{count, count, adapters, {}, executor};
  for (std::int64_t i = 0; i < count; ++i) {
    identity(i, i) = 1;
    const SourceRequest& source = module.sources[static_cast<std::size_t>(i)];
    const MatrixView<const double> axis = std::as_const(identity).view().col_range(i, 1);
    cores.sources.push_back({source.adapter, source.coefficient, axis, axis});
  }
  const Matrix<double> sum = rule(cores);
  std::vector<double> coefficients;
  for (std::int64_t i = 0; i < count; ++i) coefficients.push_back(sum(i, i));
  return coefficients;
}

void scale_by_source(RankUnits& units, const std::vector<double>& factors) {
  for (std::size_t u = 0; u < units.c.size(); ++u)
    units.c[u] *= factors[static_cast<std::size_t>(units.tags[u].source)];
}

Combined uncut(RankUnits units, ops::Executor& executor) {
  const double norm = lora::quick_update_norm(units, executor);
  const std::int64_t rank = units.count();
  return {std::move(units), rank, norm, 0};
}

/// Refuses a kept rank below the units that a method made.
void check_kept(const ModuleRequest& module, std::int64_t units) {
  if (is_whole(module, units)) return;
  throw core::Error("request-invalid", "Module " + module.name + " has " + std::to_string(units) +
                                           " units, and this method cannot cut them to rank " +
                                           std::to_string(module.rank) + ".")
      .with_hint("Use linear, which cuts to any rank.");
}

Combined combine_on_factors(RankUnits units, const ModuleRequest& module, const methods::OnFactors& rule,
                            ops::Executor& executor) {
  std::vector<double> coefficients;
  for (const SourceRequest& source : module.sources) coefficients.push_back(source.coefficient);
  scale_by_source(units, coefficients);
  for (lora::UnitTag& tag : units.tags) tag.coefficient = coefficients[static_cast<std::size_t>(tag.source)];
  RankUnits result = rule(std::move(units));
  check_kept(module, result.count());
  return uncut(std::move(result), executor);
}

/// The sources in the joint core: views into the coordinates of both bases. Folds the units' scales `c` into
/// `out_coordinates`.
Cores joint_cores(const std::vector<double>& c, const ModuleRequest& module, int adapters,
                  Matrix<double>& out_coordinates, const Matrix<double>& in_coordinates, ops::Executor& executor) {
  for (std::int64_t i = 0; i < out_coordinates.rows(); ++i) {
    for (std::int64_t u = 0; u < out_coordinates.cols(); ++u) out_coordinates(i, u) *= c[static_cast<std::size_t>(u)];
  }
  Cores cores{out_coordinates.rows(), in_coordinates.rows(), adapters, {}, executor};
  std::int64_t first = 0;
  for (const SourceRequest& source : module.sources) {
    cores.sources.push_back({source.adapter, source.coefficient,
                             std::as_const(out_coordinates).view().col_range(first, source.rank),
                             in_coordinates.view().col_range(first, source.rank)});
    first += source.rank;
  }
  return cores;
}

/// Frobenius norm of left right^T.
double norm_of(const Core& core, ops::Executor& executor) {
  const Matrix<double> left = linalg::gram(ops::strided(core.left), executor);
  const Matrix<double> right = linalg::gram(ops::strided(core.right), executor);
  double sum = 0;
  for (std::int64_t i = 0; i < left.size(); ++i) sum += left.data()[i] * right.data()[i];
  return std::sqrt(std::max(sum, 0.0));
}

Matrix<float> rounded(const Matrix<double>& a) {
  Matrix<float> result(a.rows(), a.cols());
  for (std::int64_t i = 0; i < a.size(); ++i) result.data()[i] = static_cast<float>(a.data()[i]);
  return result;
}

/// The cut core as units of the module: b = Q_B left, a = right^T Q_A^T.
RankUnits lifted(const linalg::Truncation& cut, const Matrix<double>& out_directions,
                 const Matrix<double>& in_directions, ops::Executor& executor) {
  const std::int64_t rank = cut.left.cols();
  Matrix<double> b(out_directions.rows(), rank);
  ops::gemm(executor, ops::strided(out_directions), ops::strided(cut.left), b.view(), ops::Into::overwrite);
  Matrix<double> a(rank, in_directions.rows());
  ops::gemm(executor, ops::strided(cut.right).transposed(), ops::strided(in_directions).transposed(), a.view(),
            ops::Into::overwrite);
  RankUnits units{rounded(a), rounded(b), std::vector<double>(static_cast<std::size_t>(rank), 1.0), {}};
  for (std::int64_t k = 0; k < rank; ++k) units.tags.push_back({0, 0, k});
  return units;
}

Combined combine_in_core(RankUnits units, const ModuleRequest& module, const methods::InCore& rule, int adapters,
                         Want want, ops::Executor& executor) {
  linalg::Basis out_basis = linalg::orthonormal_basis(ops::strided(units.b), executor);
  units.b = Matrix<float>();
  const linalg::Basis in_basis = linalg::orthonormal_basis(ops::strided(units.a).transposed(), executor);
  units.a = Matrix<float>();
  const Cores cores = joint_cores(units.c, module, adapters, out_basis.coordinates, in_basis.coordinates, executor);
  const Matrix<double> sum = rule(cores);
  double sizes = 0;
  for (const Core& source : cores.sources) sizes += std::abs(source.coefficient) * norm_of(source, executor);
  const std::int64_t rank = module.rank == whole_rank ? std::numeric_limits<std::int64_t>::max() : module.rank;
  const linalg::Truncation cut = linalg::truncate(sum, rank, sum_noise * sizes, executor);
  Combined result{{}, cut.left.cols(), cut.norm, cut.discarded};
  if (want == Want::factors) result.units = lifted(cut, out_basis.directions, in_basis.directions, executor);
  return result;
}

Combined combine_cluster(RankUnits units, const ModuleRequest& module, const methods::Cluster& rule,
                         ops::Executor& executor) {
  std::vector<double> coefficients;
  for (const SourceRequest& source : module.sources) coefficients.push_back(source.coefficient);
  scale_by_source(units, coefficients);
  RankUnits result = rule(methods::make_pool(lora::folded_units(std::move(units)), module.seed, executor));
  check_kept(module, result.count());
  return uncut(std::move(result), executor);
}

}  // namespace

Combined combine(RankUnits units, const ModuleRequest& module, const methods::Method& method, int adapters, Want want,
                 ops::Executor& executor) {
  if (const auto* on_factors = std::get_if<methods::OnFactors>(&method.rule)) {
    return combine_on_factors(std::move(units), module, *on_factors, executor);
  }
  if (const auto* cluster = std::get_if<methods::Cluster>(&method.rule)) {
    return combine_cluster(std::move(units), module, *cluster, executor);
  }
  const auto& in_core = std::get<methods::InCore>(method.rule);
  if (method.sums_updates && is_whole(module, units.count())) {
    scale_by_source(units, summing_coefficients(in_core, module, adapters, executor));
    return uncut(std::move(units), executor);
  }
  return combine_in_core(std::move(units), module, in_core, adapters, want, executor);
}

std::uint64_t bytes_to_combine(const ModuleInputs& module, const methods::Method& method) {
  const auto rank = static_cast<std::uint64_t>(module.stacked_rank());
  const auto in = static_cast<std::uint64_t>(module.request->in);
  const auto out = static_cast<std::uint64_t>(module.request->out);
  const std::uint64_t units = (in + out) * rank * sizeof(float);
  // The pool, the result and, where a method makes units of its own, those; inner products and sums of clusters.
  if (std::holds_alternative<methods::Cluster>(method.rule)) return 3 * units + 5 * rank * rank * sizeof(double);
  const bool cut = std::holds_alternative<methods::InCore>(method.rule) &&
                   !(method.sums_updates && is_whole(*module.request, module.stacked_rank()));
  if (!cut) return 2 * units;  // peft_linear holds its sources and its result
  // Directions of both sides, the longer one twice while it is made orthonormal again, and a few cores.
  const std::uint64_t kept_in = std::min(rank, in);
  const std::uint64_t kept_out = std::min(rank, out);
  const std::uint64_t directions = in * kept_in + out * kept_out + std::max(in * kept_in, out * kept_out);
  return units + (directions + 8 * rank * rank) * sizeof(double);
}

}  // namespace amalgam::merge
