// The numbers that adapters begin with: from their files, or fresh.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/safetensors.h"
#include "learn/request.h"
#include "model/learn_units.h"

namespace amalgam::learn {

/// Keeps the files open. The requests must outlive it.
class StartingFactors {
 public:
  /// Reads the headers of all files. Throws the Errors of damaged files, "tensor-missing", "shape-mismatch",
  /// "mask-invalid".
  StartingFactors(const std::vector<AdapterRequest>& adapters, std::uint64_t seed);

  /// Throws Error "not-finite" naming adapter and tensor, "mask-invalid", and the errors of reading.
  model::FactorValues at(std::size_t adapter, std::size_t module) const;
  /// Throws Error "file-changed" when a file is no longer the one that was opened.
  void check_unchanged() const;

 private:
  struct Files {
    std::unique_ptr<core::SafetensorsReader> weights;
    std::unique_ptr<core::SafetensorsReader> mask;
  };
  std::vector<std::uint8_t> mask_at(std::size_t adapter, const model::ModuleRequest& module) const;

  const std::vector<AdapterRequest>& adapters_;
  std::uint64_t seed_;
  std::vector<Files> files_;
};

}  // namespace amalgam::learn
