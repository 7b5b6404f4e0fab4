// Sizes in words.
#pragma once

#include <cstdint>
#include <string>

namespace amalgam::core {

/// "1.5 GB", for messages.
std::string shown_bytes(std::uint64_t bytes);

}  // namespace amalgam::core
