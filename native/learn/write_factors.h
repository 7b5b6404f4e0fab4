// Files of factors or their gradients, as learning leaves them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "learn/request.h"

namespace amalgam::learn {

/// A factor to be written, read when it is.
struct WrittenFactor {
  std::size_t adapter = 0;
  std::size_t module = 0;
  bool is_b = false;
  std::function<core::Matrix<float>()> read;
};

/// Writes the factors in F32, whole or not at all. Where there are several adapters every name has its adapter's
/// position before it, for adapters name their factors alike. Throws Error "not-finite", "disk-full", "write-failed".
void write_factors(const std::string& path, const std::vector<AdapterRequest>& adapters,
                   const std::vector<WrittenFactor>& factors);

}  // namespace amalgam::learn
