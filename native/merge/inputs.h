// The files of a merge, opened, with every factor found and its shape checked before any work starts.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/safetensors.h"
#include "lora/factors.h"
#include "merge/request.h"

namespace amalgam::merge {

/// A module and where its factors lie; `factors` follows the order of the request's sources.
struct ModuleInputs {
  const ModuleRequest* request;
  std::vector<lora::FactorPair> factors;

  std::int64_t stacked_rank() const;  ///< sum of the sources' ranks
  std::uint64_t file_bytes() const;
};

struct Inputs {
  std::vector<std::unique_ptr<core::SafetensorsReader>> files;
  std::vector<ModuleInputs> modules;

  std::uint64_t file_bytes() const;

  /// Throws Error "file-changed" when a file is not the one that was opened.
  void check_unchanged() const;
};

/// Opens the files of a request, which must outlive the result. Throws the errors of SafetensorsReader,
/// "tensor-missing", "unknown-dtype", and "shape-mismatch" when a factor does not fit its rank or its module.
Inputs open_inputs(const MergeRequest& request);

/// The units of a module, each with c = its source's scaling, in the memory of `spare` where it suffices.
lora::RankUnits load_module(const ModuleInputs& module, lora::RankUnits spare, const core::CancelToken& cancel,
                            const lora::ReadMeter& meter);

}  // namespace amalgam::merge
