// What a merge method is to the rest of the core: one function of one of four kinds, bound to its parameters.
#pragma once

#include <functional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "core/tensor.h"
#include "lora/rank_units.h"
#include "methods/tiles.h"
#include "methods/unit_pool.h"
#include "ops/executor.h"

namespace amalgam::methods {

/// on_factors: takes the units of one module, with c = coefficient * scaling, and returns those of the result.
using OnFactors = std::function<lora::RankUnits(lora::RankUnits)>;

/// One source's update in the joint core of its module: s_i B_i A_i = Q_B (left right^T) Q_A^T with orthonormal Q_B,
/// Q_A. It is kept as two factors, so that many sources need little memory.
struct Core {
  int adapter;                           ///< position among the job's adapters
  double coefficient;                    ///< not yet applied
  core::MatrixView<const double> left;   ///< rows of the core x rank, scaling included
  core::MatrixView<const double> right;  ///< columns of the core x rank
};

/// The sources of one module in their joint core.
struct Cores {
  std::int64_t rows;
  std::int64_t cols;
  int adapters;  ///< of the whole job, also those that lack this module
  std::vector<Core> sources;
  ops::Executor& executor;
};

/// in_core: from T matrices of the joint core of one module to one (rows x cols), which is cut to the output's rank
/// later.
using InCore = std::function<core::Matrix<double>(const Cores&)>;

/// sum += factor * source
void add(core::Matrix<double>& sum, double factor, const Core& source, ops::Executor& executor);

/// The parameters of a job as they came: one object for the recipe, one for each adapter.
struct ParamSource {
  const core::Json& recipe;
  std::vector<const core::Json*> adapters;
};

/// The four kinds.
using Rule = std::variant<OnFactors, InCore, OnTiles, Cluster>;

/// A method with its parameters. `sums_updates`: the result is sum a_i (s_i B_i A_i) with numbers a_i that do not
/// depend on the updates, so that it can be written down exactly where nothing is cut.
struct Method {
  std::string_view id;
  bool sums_updates;
  Rule rule;
};

/// Binds the method of that id (dispatch.generated.cpp). Throws Error "unknown-method" with the known ones, and
/// "parameter-invalid" for a parameter that is missing, unknown, of the wrong type or not finite.
Method bind_method(std::string_view id, const ParamSource& params);

}  // namespace amalgam::methods
