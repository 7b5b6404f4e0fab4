// An adapter of a request over weights files: its open file and the factors of its modules.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "lora/factors.h"
#include "lora/request_field.h"

namespace amalgam::lora {

inline constexpr std::int64_t most_request_threads = 1024;

/// Modules are the same when name, in and out are.
struct ModuleKey {
  std::string name;
  std::int64_t in;
  std::int64_t out;
  auto operator<=>(const ModuleKey&) const = default;
};

/// A and B of one module, and what their product is multiplied with.
struct RequestModule {
  ModuleKey key;
  FactorPair factors;
  double scaling;
};

struct RequestAdapter {
  std::unique_ptr<core::SafetensorsReader> file;
  std::vector<RequestModule> modules;  ///< in the order of the request
};

/// Opens `{ weightsFile, modules: [{ name, a, b, rank, in, out, scaling }] }`. Throws Error "request-invalid" (also for
/// a module that is named twice), the errors of reading safetensors and of find_factors, "shape-mismatch" where the
/// factors' outer sides are not in and out.
RequestAdapter open_adapter(const Field& request);

/// The `threads` of a request.
int threads_of(const Field& request);

}  // namespace amalgam::lora
