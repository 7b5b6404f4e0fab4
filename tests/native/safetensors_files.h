// Making safetensors files byte by byte, broken ones included.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "runner.h"

namespace amalgam::test {

/// The 8 bytes before the header.
inline std::string length_prefix(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((length >> (8 * i)) & 0xff);
  return bytes;
}

/// Writes `content` to a file of the scratch folder and returns its path.
inline std::string save(const std::string& content) {
  const std::string path = scratch_folder() + "/file.safetensors";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  return path;
}

/// A file with this header text and this many data bytes.
inline std::string save_with_header(const std::string& header, std::size_t data_bytes) {
  return save(length_prefix(header.size()) + header + std::string(data_bytes, '\0'));
}

}  // namespace amalgam::test
