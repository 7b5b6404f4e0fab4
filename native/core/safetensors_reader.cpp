#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "core/error.h"
#include "core/safetensors.h"

namespace amalgam::core {

namespace {

constexpr std::uint64_t length_bytes = 8;
constexpr std::int64_t chunk_bytes = 256 * 1024;  // of a conversion: fits the second-level cache

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& path) : file_(path) {
  if (file_.size() < length_bytes) {
    throw Error("file-too-small", "The file has " + std::to_string(file_.size()) + " bytes; the header alone needs 8.")
        .at_path(path);
  }
  std::array<unsigned char, length_bytes> prefix;
  file_.read(0, prefix.size(), prefix.data());
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 0; i < prefix.size(); ++i) header_bytes |= static_cast<std::uint64_t>(prefix[i]) << (8 * i);
  if (header_bytes > max_header_bytes || header_bytes > file_.size() - length_bytes) {
    throw Error("header-too-long", "The header claims " + std::to_string(header_bytes) + " bytes; the file has " +
                                       std::to_string(file_.size()) + " and the limit is 100 MB.")
        .at_path(path)
        .with_hint("The file may be incomplete, or be no safetensors file.");
  }
  std::string json(header_bytes, '\0');
  file_.read(length_bytes, json.size(), json.data());
  data_begin_ = length_bytes + header_bytes;
  try {
    header_ = parse_safetensors_header(json, file_.size() - data_begin_);
  } catch (Error& error) {
    error.at_path(path);
    throw;
  }
  index_.reserve(header_.tensors.size());
  for (std::size_t i = 0; i < header_.tensors.size(); ++i) index_.emplace(header_.tensors[i].name, i);
}

const TensorInfo* SafetensorsReader::find(std::string_view name) const {
  const auto entry = index_.find(name);
  return entry == index_.end() ? nullptr : &header_.tensors[entry->second];
}

const TensorInfo& SafetensorsReader::at(std::string_view name) const {
  if (const TensorInfo* tensor = find(name)) return *tensor;
  throw Error("tensor-missing", "The file has no tensor of this name.").at_path(path()).at_tensor(std::string(name));
}

void SafetensorsReader::read_raw(const TensorInfo& tensor, std::uint64_t offset, std::size_t bytes, void* out) const {
  const std::uint64_t length = tensor.end - tensor.begin;
  if (offset > length || bytes > length - offset) {
    throw Error("shape-mismatch", "The tensor has fewer bytes than were asked for.")
        .at_path(path())
        .at_tensor(tensor.name);
  }
  file_.read(data_begin_ + tensor.begin + offset, bytes, out);
}

void SafetensorsReader::read_f32(const TensorInfo& tensor, std::int64_t first_row, std::int64_t row_count,
                                 float* out) const {
  if (!is_readable_float(tensor.dtype)) {
    throw Error("unknown-dtype", "The tensor holds " + std::string(dtype_name(tensor.dtype)) +
                                     "; factors must be F32, F16, BF16 or F64.")
        .at_path(path())
        .at_tensor(tensor.name);
  }
  tensor.check_rows(first_row, row_count, path());
  const std::int64_t element_bytes = dtype_bits(tensor.dtype) / 8;
  std::int64_t offset = first_row * tensor.row_length() * element_bytes;
  std::int64_t left = row_count * tensor.row_length();
  if (tensor.dtype == DType::F32) {
    read_raw(tensor, static_cast<std::uint64_t>(offset), static_cast<std::size_t>(left) * 4, out);
    return;
  }
  const auto chunk = std::make_unique_for_overwrite<std::byte[]>(
      static_cast<std::size_t>(std::min(chunk_bytes, left * element_bytes)));
  while (left > 0) {
    const std::int64_t count = std::min(left, chunk_bytes / element_bytes);
    read_raw(tensor, static_cast<std::uint64_t>(offset), static_cast<std::size_t>(count * element_bytes), chunk.get());
    to_f32(tensor.dtype, chunk.get(), count, out);
    out += count;
    offset += count * element_bytes;
    left -= count;
  }
}

void SafetensorsReader::read_f32(std::string_view name, std::int64_t first_row, std::int64_t row_count,
                                 float* out) const {
  read_f32(at(name), first_row, row_count, out);
}

}  // namespace amalgam::core
