// A merge request, checked and typed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/json.h"
#include "lora/request_field.h"
#include "methods/method.h"

namespace amalgam::merge {

/// A kept rank of "all of it".
inline constexpr std::int64_t whole_rank = -1;

/// What one adapter gives one module.
struct SourceRequest {
  int adapter;
  std::string a;
  std::string b;
  std::int64_t rank;
  double scaling;
  double coefficient;
};

/// One target module: its update is out x in. `rank` is the kept rank, or whole_rank.
struct ModuleRequest {
  std::string name;
  std::int64_t in;
  std::int64_t out;
  std::int64_t rank;
  std::string output_a;
  std::string output_b;
  std::vector<SourceRequest> sources;
  std::uint64_t seed;  ///< of this module, for a method that clusters: from the job's seed and the module's name
};

/// A ResolvedMergeJob with its method bound.
struct MergeRequest {
  methods::Method method;
  std::vector<std::string> weights_files;
  std::vector<ModuleRequest> modules;
  core::DType output_dtype;
  std::int64_t output_rank;  ///< rank that every module is written with
};

/// Reads `job`. For a method that clusters, which is free of order, the sources of each module are put in the order of
/// their adapters' content hashes: rounding and random choices must not depend on the recipe's order either. Throws
/// Error "request-invalid" naming the field, "unknown-method", "parameter-invalid".
MergeRequest read_merge_job(const lora::Field& job);

/// The `threads` of a request.
int read_threads(const lora::Field& threads);

}  // namespace amalgam::merge
