// What this binary was built from. The values are written by cmake/build_info.cmake at build time.
#pragma once

#include <string_view>

namespace amalgam::core {

/// Version of the package, for example "0.1.0".
std::string_view build_version();

/// Compiler and its version.
std::string_view build_compiler();

/// The first 16 hexadecimal digits of a SHA-256 over all native sources: equal sources, equal id.
std::string_view build_id();

}  // namespace amalgam::core
